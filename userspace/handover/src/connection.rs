//! One open connection to an LEMF: PDUs out in batches, keep-alives, and what the LEMF answers (TS 102 232-1).
//!
//! It knows no sockets, only octets in and out, and asks [`Acknowledged`] what became of them.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep, sleep_until};

use crate::acknowledged::Acknowledged;
use crate::buffer::Buffer;
use crate::counters::LinkCounters;
use crate::incoming::{Arrival, Incoming, NoProtocol};
use crate::keep_alive::{Due, KeepAlive};
use crate::latency::{Latency, now};
use crate::link_pdu::LinkPdus;
use crate::pdu::Pdu;
use crate::settings::KeepAliveSettings;
use crate::tls::TlsFault;

/// PDUs in one write: well below the 1024 pieces that the kernel takes.
const BATCH_PDUS: usize = 128;
/// Octets in one write, where PDUs are small enough to be put together.
const BATCH_OCTETS: usize = 256 << 10;
/// How often TCP is asked what was acknowledged, while something is not: nothing tells of it by itself.
const ASK: Duration = Duration::from_millis(10);
/// How long the LEMF's end of the connection is awaited after everything was acknowledged.
const PARTING: Duration = Duration::from_secs(2);

/// What a connection works with.
pub(crate) struct Resources {
    pub(crate) buffer: Arc<Buffer>,
    pub(crate) counters: Arc<LinkCounters>,
    pub(crate) latency: Arc<Latency>,
    pub(crate) link_pdus: Arc<LinkPdus>,
    pub(crate) keep_alive: KeepAliveSettings,
    /// Whether no PDU goes before the LEMF has answered a first keep-alive. With TLS 1.3 our end of the connection is
    /// open before the LEMF has looked at our certificate: what went at once could be acknowledged by TCP, and thrown
    /// away.
    pub(crate) greet: bool,
}

/// Tells links to finish: once it holds the time by which they must, nothing more comes into the buffers.
pub(crate) type Finish = watch::Receiver<Option<Instant>>;

/// Why a connection is over.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Everything was acknowledged and nothing more will come.
    Finished,
    /// The LEMF closed it.
    Closed,
    /// Reading or writing failed.
    Failed(io::ErrorKind),
    /// TLS ended it.
    Tls(TlsFault),
    /// No response to a keep-alive by TIME3.
    Unanswered,
    /// The LEMF took nothing for TIME1 and TIME3 together.
    Stalled,
    /// The LEMF sent what is no PDU, or too much.
    NoProtocol,
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        TlsFault::of(&error).map_or(Self::Failed(error.kind()), Self::Tls)
    }
}

impl From<NoProtocol> for Ended {
    fn from(_: NoProtocol) -> Self {
        Self::NoProtocol
    }
}

/// What became of a connection.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) ended: Ended,
    /// Whether PDUs could go: the LEMF had answered the first keep-alive, if that was awaited.
    pub(crate) greeted: bool,
}

/// Serves a connection until it is over, and settles what becomes of the PDUs that went over it.
pub(crate) async fn serve<S>(
    stream: S,
    acknowledged: &impl Acknowledged,
    resources: &Resources,
    finish: &mut Finish,
) -> Served
where
    S: AsyncRead + AsyncWrite,
{
    let buffer = &resources.buffer;
    let mut outgoing = Outgoing::beginning_at(buffer.next());
    if resources.greet {
        outgoing.keep_alive = resources.link_pdus.keep_alive().ok();
        outgoing.greeted = outgoing.keep_alive.is_none();
    }
    resources.counters.connected.set(outgoing.greeted.into());
    let ended = converse(stream, acknowledged, &mut outgoing, resources, finish).await;
    outgoing.acknowledged(acknowledged, buffer);
    match ended {
        // In order: the LEMF has read what its kernel took (RFC 1122 §4.2.2.13).
        Ended::Finished | Ended::Closed => buffer.confirmed(buffer.next()),
        Ended::Unanswered | Ended::Stalled => buffer.reset(false),
        Ended::Failed(_) | Ended::Tls(_) | Ended::NoProtocol => buffer.reset(true),
    }
    resources.counters.connected.set(0);
    Served { ended, greeted: outgoing.greeted }
}

async fn converse<S>(
    stream: S,
    acknowledged: &impl Acknowledged,
    outgoing: &mut Outgoing,
    resources: &Resources,
    finish: &mut Finish,
) -> Ended
where
    S: AsyncRead + AsyncWrite,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut incoming = Incoming::new();
    let mut keep_alive = KeepAlive::new(resources.keep_alive, Instant::now());
    let mut finishing = finish.borrow_and_update().is_some();
    loop {
        outgoing.refill(resources, &keep_alive);
        let writing = outgoing.has_octets();
        if finishing && !writing && (outgoing.is_free() || resources.buffer.held().0 == 0) {
            return part(&mut reader, &mut writer, acknowledged, outgoing, &resources.buffer).await;
        }
        let asking = outgoing.unacknowledged();
        let slices = outgoing.slices();
        // Each branch may be dropped when another is ready: reading and writing lose no octet then (both are cancel
        // safe).
        let turn = tokio::select! {
            read = reader.read_buf(&mut incoming.octets) => Turn::Read(read),
            taken = write_or_flush(&mut writer, &slices), if writing || !outgoing.flushed => taken,
            () = resources.buffer.filled(), if !writing => Turn::Again,
            () = sleep_until(keep_alive.deadline(writing)) => Turn::Due,
            () = sleep(ASK), if asking => Turn::Again,
            changed = finish.changed(), if !finishing => {
                finishing = changed.is_err() || finish.borrow_and_update().is_some();
                Turn::Again
            }
        };
        outgoing.acknowledged(acknowledged, &resources.buffer);
        let ended = match turn {
            Turn::Again => Ok(()),
            Turn::Read(read) => read.map_err(Ended::from).and_then(|octets| {
                if octets == 0 {
                    Err(Ended::Closed)
                } else {
                    take_in(&mut incoming, &mut keep_alive, outgoing, resources)
                }
            }),
            Turn::Written(written) => written.map_err(Ended::from).and_then(|octets| {
                if octets == 0 {
                    return Err(Ended::Failed(io::ErrorKind::WriteZero));
                }
                outgoing.written(octets, &mut keep_alive, resources);
                Ok(())
            }),
            Turn::Flushed(flushed) => flushed.map_err(Ended::from).map(|()| outgoing.flushed = true),
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

/// Writes what there is; else sees to it that the stream holds nothing back.
async fn write_or_flush<W: AsyncWrite + Unpin>(writer: &mut W, slices: &[IoSlice<'_>]) -> Turn {
    if slices.is_empty() {
        Turn::Flushed(writer.flush().await)
    } else {
        Turn::Written(writer.write_vectored(slices).await)
    }
}

/// What one turn of the loop brought.
enum Turn {
    Read(io::Result<usize>),
    Written(io::Result<usize>),
    Flushed(io::Result<()>),
    Due,
    Again,
}

/// Takes every whole PDU out of what came.
fn take_in(
    incoming: &mut Incoming,
    keep_alive: &mut KeepAlive,
    outgoing: &mut Outgoing,
    resources: &Resources,
) -> Result<(), Ended> {
    while let Some(arrival) = incoming.next()? {
        if arrival == Arrival::KeepAliveResponse && keep_alive.answered() {
            resources.counters.keep_alives_answered.one();
            resources.buffer.confirmed(outgoing.before_keep_alive);
            outgoing.answered();
            resources.counters.connected.set(1);
        } else {
            resources.counters.unexpected_pdus.one();
        }
    }
    Ok(())
}

/// Ends a connection in order: our end is closed, all that was written waited for until it is acknowledged, and the
/// LEMF's end awaited, so that what is on its way is read rather than reset. When the process will wait no longer for
/// what an LEMF does not acknowledge, it drops this.
async fn part<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    reader: &mut R,
    writer: &mut W,
    acknowledged: &impl Acknowledged,
    outgoing: &mut Outgoing,
    buffer: &Buffer,
) -> Ended {
    if let Err(error) = writer.shutdown().await {
        return error.into();
    }
    let mut rest = [0; 1024];
    let mut closed = false;
    let mut settled = None;
    loop {
        outgoing.acknowledged(acknowledged, buffer);
        if !outgoing.unacknowledged() {
            let since = *settled.get_or_insert_with(Instant::now);
            if closed || since.elapsed() >= PARTING {
                return Ended::Finished;
            }
        }
        tokio::select! {
            read = reader.read(&mut rest), if !closed => match read {
                Ok(octets) => closed = octets == 0,
                Err(error) => return error.into(),
            },
            () = sleep(ASK) => {}
        }
    }
}

/// A keep-alive that goes after a few PDUs, the answer to which shows that these were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    /// Not needed.
    None,
    /// It goes next, and no PDU before it.
    Due,
    /// Its answer is awaited, and no PDU goes before it.
    Out,
}

/// What is being written.
struct Outgoing {
    /// From the buffer, where they stay until they are acknowledged.
    batch: Vec<Pdu>,
    /// How many of the batch are written.
    done: usize,
    /// A keep-alive goes between PDUs.
    keep_alive: Option<Bytes>,
    /// Octets written of the first PDU that is not, be it of the batch or the keep-alive.
    partial: usize,
    /// Octets written on this connection.
    written: u64,
    /// Whether the stream holds none of them back.
    flushed: bool,
    /// Whether PDUs may go.
    greeted: bool,
    /// After PDUs that a reset has returned.
    probe: Probe,
    /// The place in the buffer of the first PDU that is not written.
    next: u64,
    /// Of each PDU that is written and not acknowledged: at which octet it ends.
    ends: VecDeque<u64>,
    /// The first place that was not written when the last keep-alive was.
    before_keep_alive: u64,
}

impl Outgoing {
    fn beginning_at(next: u64) -> Self {
        Self {
            batch: Vec::new(),
            done: 0,
            keep_alive: None,
            partial: 0,
            written: 0,
            flushed: true,
            greeted: true,
            probe: Probe::None,
            next,
            ends: VecDeque::new(),
            before_keep_alive: next,
        }
    }

    /// Takes the next batch when this one is written.
    fn refill(&mut self, resources: &Resources, keep_alive: &KeepAlive) {
        if !self.greeted || self.done < self.batch.len() {
            return;
        }
        // One at a time, or the answer to one would be taken for that to the next.
        if self.probe == Probe::Due && self.keep_alive.is_none() && !keep_alive.is_awaited() {
            self.keep_alive = resources.link_pdus.keep_alive().ok();
            self.probe = if self.keep_alive.is_some() { Probe::Out } else { Probe::None };
        }
        if self.probe != Probe::None {
            return;
        }
        self.done = 0;
        let caution = resources.buffer.caution(self.next);
        self.batch = resources.buffer.from(self.next, caution.unwrap_or(BATCH_PDUS), BATCH_OCTETS);
        if caution.is_some() && !self.batch.is_empty() {
            self.probe = Probe::Due;
        }
    }

    /// The LEMF has answered a keep-alive.
    fn answered(&mut self) {
        self.greeted = true;
        if self.probe == Probe::Out {
            self.probe = Probe::None;
        }
    }

    /// Whether PDUs go without waiting for an answer.
    fn is_free(&self) -> bool {
        self.greeted && self.probe == Probe::None
    }

    fn has_octets(&self) -> bool {
        self.keep_alive.is_some() || self.done < self.batch.len()
    }

    fn unacknowledged(&self) -> bool {
        !self.ends.is_empty()
    }

    /// Lets go the PDUs that were acknowledged since the last call.
    fn acknowledged(&mut self, acknowledged: &impl Acknowledged, buffer: &Buffer) {
        if self.ends.is_empty() {
            return;
        }
        let octets = acknowledged.of(self.written);
        let whole = self.ends.partition_point(|end| *end <= octets);
        if whole > 0 {
            self.ends.drain(..whole);
            buffer.acknowledged(self.next - self.ends.len() as u64);
        }
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

    /// Counts what the socket took.
    fn written(&mut self, octets: usize, keep_alive: &mut KeepAlive, resources: &Resources) {
        resources.counters.octets_sent.add(octets as u64);
        keep_alive.written(Instant::now());
        let mut taken = self.partial + octets;
        let mut end = self.written - self.partial as u64;
        self.written += octets as u64;
        self.flushed = false;
        if let Some(pdu) = &self.keep_alive {
            if taken < pdu.len() {
                self.partial = taken;
                return;
            }
            taken -= pdu.len();
            end += pdu.len() as u64;
            self.keep_alive = None;
            self.before_keep_alive = self.next;
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
            end += pdu.octets.len() as u64;
            self.ends.push_back(end);
            resources.latency.record(time.since(pdu.time));
            sent += 1;
        }
        self.partial = taken;
        self.done += sent;
        self.next += sent as u64;
    }
}

#[cfg(test)]
mod tests;
