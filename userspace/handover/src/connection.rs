//! One open connection to an LEMF: PDUs out in batches, keep-alives, and what the LEMF answers (TS 102 232-1).
//!
//! It knows no sockets, only octets in and out, so that TLS can stand between.

use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep_until, timeout};

use crate::buffer::Buffer;
use crate::counters::LinkCounters;
use crate::incoming::{Arrival, Incoming, NoProtocol};
use crate::keep_alive::{Due, KeepAlive};
use crate::latency::{Latency, now};
use crate::link_pdu::LinkPdus;
use crate::pdu::Pdu;
use crate::settings::KeepAliveSettings;

/// PDUs in one write: well below the 1024 pieces that the kernel takes.
const BATCH_PDUS: usize = 128;
/// Octets in one write, where PDUs are small enough to be put together.
const BATCH_OCTETS: usize = 256 << 10;
/// How long the LEMF's end of the connection is awaited after everything was written.
const PARTING: Duration = Duration::from_secs(2);

/// What a connection works with.
pub(crate) struct Resources {
    pub(crate) buffer: Arc<Buffer>,
    pub(crate) counters: Arc<LinkCounters>,
    pub(crate) latency: Arc<Latency>,
    pub(crate) link_pdus: Arc<LinkPdus>,
    pub(crate) keep_alive: KeepAliveSettings,
}

/// Tells links to finish: once it holds the time by which they must, nothing more comes into the buffers.
pub(crate) type Finish = watch::Receiver<Option<Instant>>;

/// Why a connection is over.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Everything was written and nothing more will come.
    Finished,
    /// The LEMF closed it.
    Closed,
    /// Reading or writing failed.
    Failed(io::ErrorKind),
    /// No response to a keep-alive by TIME3.
    Unanswered,
    /// The LEMF took nothing for TIME1 and TIME3 together.
    Stalled,
    /// The LEMF sent what is no PDU, or too much.
    NoProtocol,
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.kind())
    }
}

impl From<NoProtocol> for Ended {
    fn from(_: NoProtocol) -> Self {
        Self::NoProtocol
    }
}

/// Serves a connection until it is over.
pub(crate) async fn serve<S>(stream: S, resources: &Resources, finish: &mut Finish) -> Ended
where
    S: AsyncRead + AsyncWrite,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut incoming = Incoming::new();
    let mut outgoing = Outgoing::default();
    let mut keep_alive = KeepAlive::new(resources.keep_alive, Instant::now());
    let mut finishing = finish.borrow_and_update().is_some();
    loop {
        outgoing.refill(&resources.buffer);
        let writing = outgoing.has_octets();
        if finishing && !writing {
            return part(&mut reader, &mut writer).await;
        }
        let slices = outgoing.slices();
        // Each branch may be dropped when another is ready: reading and writing lose no octet then (both are cancel
        // safe).
        let turn = tokio::select! {
            read = reader.read_buf(&mut incoming.octets) => Turn::Read(read),
            written = writer.write_vectored(&slices), if writing => Turn::Written(written),
            () = resources.buffer.filled(), if !writing => Turn::Again,
            () = sleep_until(keep_alive.deadline(writing)) => Turn::Due,
            changed = finish.changed(), if !finishing => {
                finishing = changed.is_err() || finish.borrow_and_update().is_some();
                Turn::Again
            }
        };
        let ended = match turn {
            Turn::Again => Ok(()),
            Turn::Read(read) => read.map_err(Ended::from).and_then(|octets| {
                if octets == 0 { Err(Ended::Closed) } else { take_in(&mut incoming, &mut keep_alive, resources) }
            }),
            Turn::Written(written) => written.map_err(Ended::from).and_then(|octets| {
                if octets == 0 {
                    return Err(Ended::Failed(io::ErrorKind::WriteZero));
                }
                outgoing.written(octets, &mut keep_alive, resources);
                Ok(())
            }),
            Turn::Due => match keep_alive.due(Instant::now(), writing) {
                Some(Due::Send) => {
                    outgoing.keep_alive = resources.link_pdus.keep_alive().ok();
                    Ok(())
                }
                Some(Due::Late) => {
                    resources.counters.keep_alives_late.one();
                    Ok(())
                }
                Some(Due::Missed) => Err(Ended::Unanswered),
                Some(Due::Stalled) => Err(Ended::Stalled),
                None => Ok(()),
            },
        };
        if let Err(ended) = ended {
            return ended;
        }
    }
}

/// What one turn of the loop brought.
enum Turn {
    Read(io::Result<usize>),
    Written(io::Result<usize>),
    Due,
    Again,
}

/// Takes every whole PDU out of what came.
fn take_in(incoming: &mut Incoming, keep_alive: &mut KeepAlive, resources: &Resources) -> Result<(), Ended> {
    while let Some(arrival) = incoming.next()? {
        if arrival == Arrival::KeepAliveResponse && keep_alive.answered() {
            resources.counters.keep_alives_answered.one();
        } else {
            resources.counters.unexpected_pdus.one();
        }
    }
    Ok(())
}

/// Ends a connection in order: our end is closed, and the LEMF's awaited, so that what is on its way is read rather
/// than reset.
async fn part<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(reader: &mut R, writer: &mut W) -> Ended {
    let parting = async {
        writer.shutdown().await?;
        let mut rest = [0; 1024];
        while reader.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    match timeout(PARTING, parting).await {
        Ok(Err(error)) if error.kind() != io::ErrorKind::ConnectionReset => error.into(),
        // Reset after everything was written: the LEMF closed without waiting for our end.
        Ok(_) | Err(_) => Ended::Finished,
    }
}

/// What is being written.
#[derive(Default)]
struct Outgoing {
    /// From the front of the buffer, where they stay until they are written.
    batch: Vec<Pdu>,
    /// How many of the batch are written.
    done: usize,
    /// A keep-alive goes between PDUs.
    keep_alive: Option<Bytes>,
    /// Octets written of the first PDU that is not, be it of the batch or the keep-alive.
    partial: usize,
}

impl Outgoing {
    /// Takes the next batch when this one is written.
    fn refill(&mut self, buffer: &Buffer) {
        if self.done == self.batch.len() {
            self.done = 0;
            self.batch = buffer.front(BATCH_PDUS, BATCH_OCTETS);
        }
    }

    fn has_octets(&self) -> bool {
        self.keep_alive.is_some() || self.done < self.batch.len()
    }

    /// The keep-alive goes before the batch: it is made only when there was none, so it never comes between the parts
    /// of a PDU.
    fn pdus(&self) -> impl Iterator<Item = &Bytes> {
        self.keep_alive.iter().chain(self.batch.iter().skip(self.done).map(|pdu| &pdu.octets))
    }

    fn slices(&self) -> Vec<IoSlice<'_>> {
        let starts = std::iter::once(self.partial).chain(std::iter::repeat(0));
        self.pdus().zip(starts).map(|(octets, start)| IoSlice::new(octets.get(start..).unwrap_or_default())).collect()
    }

    /// Counts what the socket took, and lets whole PDUs go.
    fn written(&mut self, octets: usize, keep_alive: &mut KeepAlive, resources: &Resources) {
        resources.counters.octets_sent.add(octets as u64);
        keep_alive.written(Instant::now());
        let mut taken = self.partial + octets;
        if let Some(pdu) = &self.keep_alive {
            if taken < pdu.len() {
                self.partial = taken;
                return;
            }
            taken -= pdu.len();
            self.keep_alive = None;
            keep_alive.sent(Instant::now());
            resources.counters.keep_alives_sent.one();
        }
        let time = now();
        let mut sent = 0;
        for pdu in self.batch.iter().skip(self.done) {
            if taken < pdu.octets.len() {
                break;
            }
            taken -= pdu.octets.len();
            resources.latency.record(time.since(pdu.time));
            sent += 1;
        }
        self.partial = taken;
        self.done += sent;
        resources.counters.pdus_sent.add(sent as u64);
        resources.buffer.sent(sent);
    }
}

#[cfg(test)]
mod tests;
