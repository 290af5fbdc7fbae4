//! The connection to one LEMF and interface, kept open: opened at start, opened anew at once when it is lost, and then
//! after pauses that double up to the retry interval until it is back (TS 102 232-1).

use std::io;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Duration, Instant, sleep, timeout};

use crate::acknowledged::TcpAcknowledged;
use crate::connection::{Ended, Finish, Resources, Served, serve};
use crate::settings::TlsSettings;
use crate::tls::{NoTls, TlsFault, secure};

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
    /// TLS around it, if any.
    pub(crate) tls: Option<TlsSettings>,
    /// Whether what the LEMF does not take is kept on disk: then an LEMF that is away need not be waited for at the end.
    pub(crate) spooled: bool,
    pub(crate) resources: Resources,
    /// Why the last attempt failed, if it did: said once, not at each attempt.
    pub(crate) last_reason: Option<String>,
}

impl Link {
    /// Keeps the connection until it is told to finish and everything is acknowledged.
    pub(crate) async fn keep(mut self, mut finish: Finish) {
        // An LEMF that takes a connection and drops it must not be called without pause: at once, but once an interval.
        let mut last_at_once: Option<Instant> = None;
        let mut pauses = Pauses::up_to(self.retry);
        loop {
            if finish.borrow_and_update().is_some() && self.resources.buffer.held().0 == 0 {
                return;
            }
            let opening = Instant::now();
            if let Some(served) = self.attempt(&mut finish).await {
                self.resources.counters.disconnects.one();
                if self.over(&served) {
                    return;
                }
                if opening.elapsed() >= self.retry && served.greeted {
                    pauses = Pauses::up_to(self.retry);
                }
                if served.greeted && last_at_once.is_none_or(|last| last.elapsed() >= self.retry) {
                    last_at_once = Some(Instant::now());
                    continue;
                }
            } else if self.spooled && finish.borrow().is_some() {
                return;
            }
            Self::pause(pauses.next(), &mut finish).await;
        }
    }

    /// Connects and serves the connection until it is over. None where there was none.
    async fn attempt(&mut self, finish: &mut Finish) -> Option<Served> {
        // Clones, since the futures of the attempt and what it reports to are apart.
        let (tls, address) = (self.tls.clone(), self.address.clone());
        let opened = timeout(self.retry, async {
            let (stream, acknowledged) = connect(&address).await?;
            let Some(settings) = &tls else { return Ok(Open::Plain(stream, acknowledged)) };
            let name = settings.expected_name(&address).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
            let (stream, acknowledged, expiry) = secure(stream, settings, name).await?;
            Ok(Open::Tls(Box::new(stream), acknowledged, expiry))
        });
        match opened.await.unwrap_or_else(|_| Err(NoTls::Io(io::ErrorKind::TimedOut.into()))) {
            Ok(open) => {
                self.resources.counters.connects.one();
                Some(match open {
                    Open::Plain(stream, acknowledged) => {
                        self.last_reason = None;
                        tracing::info!(lemf = self.lemf, interface = self.interface, "connected");
                        serve(stream, &acknowledged, &self.resources, finish).await
                    }
                    Open::Tls(stream, acknowledged, expiry) => {
                        let counters = &self.resources.counters;
                        counters.tls_own_expiry.set(expiry.own);
                        counters.tls_lemf_expiry.set(expiry.lemf);
                        let tls = stream.version();
                        if self.last_reason.is_none() {
                            tracing::info!(lemf = self.lemf, interface = self.interface, tls, "connected");
                        }
                        serve(*stream, &acknowledged, &self.resources, finish).await
                    }
                })
            }
            Err(error) => {
                self.not_connected(&error);
                None
            }
        }
    }

    /// Counts and reports an attempt that failed: once an outage, unless the reason is another one. The metrics say how
    /// long it lasts.
    fn not_connected(&mut self, error: &NoTls) {
        self.resources.counters.connect_failures.one();
        let reason = match error {
            NoTls::Files(error) => {
                self.resources.counters.tls_files.one();
                format!("tls.{error}")
            }
            NoTls::Fault(fault) => {
                self.count_tls(*fault);
                fault.to_string()
            }
            NoTls::Io(error) => error.kind().to_string(),
        };
        if self.last_reason.as_ref() != Some(&reason) {
            tracing::warn!(lemf = self.lemf, interface = self.interface, error = reason, "cannot connect");
        }
        self.last_reason = Some(reason);
    }

    fn count_tls(&self, fault: TlsFault) {
        let counters = &self.resources.counters;
        match fault {
            TlsFault::Refused => counters.tls_refused.one(),
            fault if fault.is_of_certificate() => counters.tls_certificate.one(),
            _ => counters.tls_protocol.one(),
        }
    }

    /// Counts and reports the end of a connection; says whether it is the last.
    fn over(&mut self, served: &Served) -> bool {
        let counters = &self.resources.counters;
        let reason = match &served.ended {
            Ended::Finished => {
                tracing::info!(lemf = self.lemf, interface = self.interface, "everything delivered");
                return true;
            }
            Ended::Closed | Ended::Failed(_) if !served.greeted => {
                counters.tls_refused.one();
                "the LEMF ended it before it answered anything: does it accept our certificate?".to_owned()
            }
            Ended::Closed => "the LEMF closed it".to_owned(),
            Ended::Failed(kind) => kind.to_string(),
            Ended::Tls(fault) => {
                self.count_tls(*fault);
                fault.to_string()
            }
            Ended::Unanswered => {
                counters.keep_alives_missed.one();
                "no response to a keep-alive".to_owned()
            }
            Ended::Stalled => {
                counters.stalls.one();
                "the LEMF reads nothing".to_owned()
            }
            Ended::Unacknowledged => {
                counters.acknowledgements_missed.one();
                "the LEMF does not acknowledge PDUs".to_owned()
            }
            Ended::NoProtocol => {
                counters.protocol_errors.one();
                "the LEMF sent what is no PDU, or too much".to_owned()
            }
        };
        if served.greeted || self.last_reason.as_ref() != Some(&reason) {
            tracing::warn!(lemf = self.lemf, interface = self.interface, reason, "connection lost");
        }
        // One that brought nothing is an attempt that failed.
        self.last_reason = (!served.greeted).then_some(reason);
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

/// A connection that is open.
enum Open {
    Plain(TcpStream, TcpAcknowledged),
    Tls(Box<crate::tls::TlsStream>, crate::tls::TlsAcknowledged, crate::tls::Expiry),
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
