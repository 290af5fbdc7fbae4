//! Output that nobody waits for: lines that a slow reader, or none, does not take are left out and counted.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

/// Octets that are handed on together, at least where nobody flushes.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for the reader.
const PIECES: usize = 64;
/// How long the reader has at the end to take what waits.
const LAST: Duration = Duration::from_secs(1);

/// Writes from a thread of its own. A receiver that waited for the reader of its lines would not receive meanwhile.
pub struct Unblocked {
    pieces: Option<SyncSender<Vec<u8>>>,
    gathered: Vec<u8>,
    /// Lines left out since the last piece that was taken.
    missed: usize,
    /// Ends when the thread has.
    written: Receiver<()>,
}

impl Unblocked {
    /// Writes to `out`. When that fails, as for a pipe that was closed, nothing more is written.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn new(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let (pieces, arriving) = mpsc::sync_channel::<Vec<u8>>(PIECES);
        let (done, written) = mpsc::channel();
        thread::Builder::new().name("lines".to_owned()).spawn(move || {
            // Let go of when this ends.
            let _done: mpsc::Sender<()> = done;
            for piece in arriving {
                if out.write_all(&piece).and_then(|()| out.flush()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { pieces: Some(pieces), gathered: Vec::new(), missed: 0, written })
    }

    fn hand_on(&mut self) {
        let Some(pieces) = self.pieces.as_ref().filter(|_| !self.gathered.is_empty()) else { return };
        let gathered = std::mem::take(&mut self.gathered);
        let lines = gathered.iter().filter(|octet| **octet == b'\n').count();
        let piece = if self.missed == 0 {
            gathered
        } else {
            let mut piece = format!("! {} lines were not shown: nobody took them\n", self.missed).into_bytes();
            piece.extend(gathered);
            piece
        };
        match pieces.try_send(piece) {
            Ok(()) => self.missed = 0,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.missed += lines,
        }
    }
}

impl Write for Unblocked {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(octets);
        if self.gathered.len() >= PIECE && self.gathered.ends_with(b"\n") {
            self.hand_on();
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on();
        Ok(())
    }
}

impl Drop for Unblocked {
    fn drop(&mut self) {
        self.hand_on();
        self.pieces = None;
        // Nothing is ever sent: it ends with the thread.
        let (Ok(()) | Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout)) =
            self.written.recv_timeout(LAST);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    use super::*;

    /// Takes nothing while the lock is held elsewhere.
    #[derive(Clone, Default)]
    struct Pipe(Arc<Mutex<Vec<u8>>>);

    impl Write for Pipe {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_takes_nothing_holds_nobody_up_and_is_told_what_it_missed() {
        let pipe = Pipe::default();
        let mut out = Unblocked::new(pipe.clone()).unwrap();
        let held = pipe.0.lock().unwrap();
        let start = Instant::now();
        for line in 0..10_000 {
            writeln!(out, "line {line}").unwrap();
            out.flush().unwrap();
        }
        assert!(start.elapsed() < LAST);
        drop(held);
        while out.missed > 0 {
            thread::sleep(Duration::from_millis(1));
            writeln!(out, "again").unwrap();
            out.flush().unwrap();
        }
        drop(out);
        let text = String::from_utf8(pipe.0.lock().unwrap().clone()).unwrap();
        let missed: usize =
            text.lines().filter_map(|line| line.strip_prefix("! ")?.split_once(' ')?.0.parse::<usize>().ok()).sum();
        let shown = text.lines().filter(|line| line.starts_with("line ")).count();
        assert!(shown >= PIECES && missed >= 10_000 - shown, "{shown} shown, {missed} missed");
    }

    #[test]
    fn what_is_taken_is_all_there_and_at_the_end_nobody_waits_for_long() {
        let pipe = Pipe::default();
        let mut out = Unblocked::new(pipe.clone()).unwrap();
        writeln!(out, "a\nb").unwrap();
        drop(out);
        assert_eq!(*pipe.0.lock().unwrap(), b"a\nb\n");
        let mut out = Unblocked::new(pipe.clone()).unwrap();
        let _held = pipe.0.lock().unwrap();
        writeln!(out, "c").unwrap();
        let start = Instant::now();
        drop(out);
        assert!(start.elapsed() < 5 * LAST);
    }
}
