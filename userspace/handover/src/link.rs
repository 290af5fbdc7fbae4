//! The connection to one LEMF and interface, kept open: opened at start, opened anew at once when it is lost, and then
//! after pauses that double up to the retry interval until it is back (TS 102 232-1).

use std::io;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Duration, Instant, sleep, timeout};

use crate::acknowledged::TcpAcknowledged;
use crate::connection::{Ended, Finish, Resources, serve};

/// Time between attempts while the process waits for the last PDUs to go: the retry interval may be longer than it will
/// wait.
const RETRY_AT_THE_END: Duration = Duration::from_millis(500);
/// The first pause between attempts: an LEMF that restarts is back in seconds.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// One LEMF and interface.
pub(crate) struct Link {
    pub(crate) lemf: String,
    pub(crate) interface: &'static str,
    /// `HOST:PORT`, looked up at each attempt, since an LEMF may move.
    pub(crate) address: String,
    /// The longest pause between attempts.
    pub(crate) retry: Duration,
    pub(crate) resources: Resources,
}

impl Link {
    /// Keeps the connection until it is told to finish and everything is acknowledged.
    pub(crate) async fn keep(self, mut finish: Finish) {
        let counters = &self.resources.counters;
        // An LEMF that takes a connection and drops it must not be called without pause: at once, but once an interval.
        let mut last_at_once: Option<Instant> = None;
        let mut pauses = Pauses::up_to(self.retry);
        let mut reachable = true;
        loop {
            if finish.borrow_and_update().is_some() && self.resources.buffer.held().0 == 0 {
                return;
            }
            match timeout(self.retry, connect(&self.address)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into())) {
                Ok((stream, acknowledged)) => {
                    let opened = Instant::now();
                    reachable = true;
                    counters.connects.one();
                    counters.connected.set(1);
                    tracing::info!(lemf = self.lemf, interface = self.interface, "connected");
                    let ended = serve(stream, &acknowledged, &self.resources, &mut finish).await;
                    counters.connected.set(0);
                    counters.disconnects.one();
                    if self.over(&ended) {
                        return;
                    }
                    if opened.elapsed() >= self.retry {
                        pauses = Pauses::up_to(self.retry);
                    }
                    if last_at_once.is_none_or(|last| last.elapsed() >= self.retry) {
                        last_at_once = Some(Instant::now());
                        continue;
                    }
                }
                Err(error) => {
                    counters.connect_failures.one();
                    // Once an outage: the metrics say how long it lasts.
                    if reachable {
                        let error = error.kind();
                        tracing::warn!(lemf = self.lemf, interface = self.interface, %error, "cannot connect");
                    }
                    reachable = false;
                }
            }
            Self::pause(pauses.next(), &mut finish).await;
        }
    }

    /// Counts and reports the end of a connection; says whether it is the last.
    fn over(&self, ended: &Ended) -> bool {
        let counters = &self.resources.counters;
        let reason = match ended {
            Ended::Finished => {
                tracing::info!(lemf = self.lemf, interface = self.interface, "everything delivered");
                return true;
            }
            Ended::Closed => "the LEMF closed it".to_owned(),
            Ended::Failed(kind) => kind.to_string(),
            Ended::Unanswered => {
                counters.keep_alives_missed.one();
                "no response to a keep-alive".to_owned()
            }
            Ended::Stalled => {
                counters.stalls.one();
                "the LEMF reads nothing".to_owned()
            }
            Ended::NoProtocol => {
                counters.protocol_errors.one();
                "the LEMF sent what is no PDU, or too much".to_owned()
            }
        };
        tracing::warn!(lemf = self.lemf, interface = self.interface, reason, "connection lost");
        false
    }

    /// Waits until the next attempt. The call to finish cuts it short once.
    async fn pause(pause: Duration, finish: &mut Finish) {
        if finish.borrow_and_update().is_some() {
            sleep(RETRY_AT_THE_END.min(pause)).await;
        } else {
            tokio::select! {
                () = sleep(pause) => {}
                _ = finish.changed() => {}
            }
        }
    }
}

/// How long to wait before each attempt.
#[derive(Debug)]
struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    fn up_to(longest: Duration) -> Self {
        Self { next: FIRST_PAUSE.min(longest), longest }
    }

    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }
}

/// Connects to the first of the host's addresses that answers.
async fn connect(address: &str) -> io::Result<(TcpStream, TcpAcknowledged)> {
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for address in lookup_host(address).await? {
        match TcpStream::connect(address).await {
            // A port of this host that is nobody's can be our own end's, and TCP then connects it to itself (RFC 9293
            // §3.5, simultaneous open): what is sent would be taken and come back.
            Ok(stream) if stream.local_addr()? == stream.peer_addr()? => last = io::ErrorKind::ConnectionRefused.into(),
            Ok(stream) => {
                // Batches are made here; the kernel need not wait for more.
                stream.set_nodelay(true)?;
                let acknowledged = TcpAcknowledged::new(&stream)?;
                return Ok((stream, acknowledged));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_interval() {
        let pauses = |longest| {
            let mut pauses = Pauses::up_to(Duration::from_secs(longest));
            [(); 7].map(|()| pauses.next().as_secs())
        };
        assert_eq!(pauses(30), [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pauses(86_400), [1, 2, 4, 8, 16, 32, 64]);
        assert_eq!(pauses(1), [1; 7]);
    }
}
