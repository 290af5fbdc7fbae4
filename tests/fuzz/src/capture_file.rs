//! Capture files: any octets, and the same frames however the file comes in.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Cursor, Read};
use std::path::Path;

use writ_capture::pcap::{CaptureFile, LONGEST_FRAME};
use writ_capture::{Batch, Source};

/// A reader that gives at most seven octets at a time.
struct Slow<R>(R);

impl<R: Read> Read for Slow<R> {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let length = room.len().min(7);
        self.0.read(&mut room[..length])
    }
}

/// What a file gave: a hash of its frames, how many, and whether it ended well.
fn read(reader: Box<dyn Read + Send>) -> (u64, u64, bool) {
    let mut hash = DefaultHasher::new();
    let mut frames = 0;
    let mut file = match CaptureFile::from_reader(Path::new("input"), reader) {
        Ok(file) => file,
        Err(error) => {
            let _ = error.to_string();
            return (0, 0, false);
        }
    };
    let mut sound = true;
    loop {
        let batch = file.next_batch(&mut |frame| {
            assert!(frame.octets.len() <= LONGEST_FRAME as usize);
            assert!(frame.wire_len as usize >= frame.octets.len(), "a frame is no longer than it was on the wire");
            (frame.time_nanos, frame.link, frame.octets, frame.wire_len).hash(&mut hash);
            frames += 1;
        });
        match batch {
            Ok(Batch::End) => break,
            Ok(Batch::Frames(count)) => assert_ne!(count, 0),
            Ok(Batch::Idle) => panic!("a file is never idle"),
            Err(error) => {
                assert!(std::mem::replace(&mut sound, false), "one error, and then the end");
                let _ = error.to_string();
            }
        }
    }
    assert_eq!(file.counters().frames, frames);
    (hash.finish(), frames, sound)
}

/// Runs an input: a file.
pub fn run(input: &[u8]) {
    let at_once = read(Box::new(Cursor::new(input.to_vec())));
    // What a gzip member unpacks to can be a thousand times as long, which is enough to read once.
    if !input.starts_with(&[0x1f, 0x8b]) {
        assert_eq!(at_once, read(Box::new(Slow(Cursor::new(input.to_vec())))));
    }
}
