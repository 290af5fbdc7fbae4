//! One open connection to an LEMF: PDUs out in batches, keep-alives, and what the LEMF answers (TS 102 232-1).
//!
//! It knows no sockets, only octets in and out, and asks [`Acknowledged`] what became of them.

use std::io::{self, IoSlice};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep, sleep_until};

use crate::acknowledged::Acknowledged;
use crate::acknowledgement::Overdue;
use crate::buffer::Buffer;
use crate::counters::LinkCounters;
use crate::incoming::{Arrival, Incoming, NoProtocol};
use crate::keep_alive::{Due, KeepAlive};
use crate::latency::Latency;
use crate::link_pdu::LinkPdus;
use crate::options::{Options, Outcome};
use crate::outgoing::Outgoing;
use crate::settings::KeepAliveSettings;
use crate::tls::TlsFault;

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
    /// What the LEMF is asked for beyond that, if anything.
    pub(crate) options: Option<Options>,
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
    /// The LEMF, which had agreed to, has not acknowledged PDUs in time.
    Unacknowledged,
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
    let mut outgoing = Outgoing::new(resources);
    resources.counters.connected.set(outgoing.is_greeted().into());
    let ended = converse(stream, acknowledged, &mut outgoing, resources, finish).await;
    outgoing.acknowledged(acknowledged, buffer);
    match ended {
        _ if outgoing.acknowledgement.is_agreed() => buffer.unacknowledged(outgoing.next()),
        // In order: the LEMF has read what its kernel took (RFC 1122 §4.2.2.13).
        Ended::Finished | Ended::Closed => buffer.confirmed(buffer.next()),
        Ended::Unanswered | Ended::Stalled | Ended::Unacknowledged => buffer.reset(false),
        Ended::Failed(_) | Ended::Tls(_) | Ended::NoProtocol => buffer.reset(true),
    }
    resources.counters.connected.set(0);
    resources.counters.acknowledging.set(0);
    Served { ended, greeted: outgoing.is_greeted() }
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
        outgoing.refill(resources, &keep_alive, finishing);
        let writing = outgoing.has_octets();
        if finishing && !writing && (outgoing.is_done() || resources.buffer.held().0 == 0) {
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
            () = until(outgoing.acknowledgement.deadline(writing)) => Turn::Again,
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
                    outgoing.keep_alive(resources);
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
        if let Err(ended) = ended.and_then(|()| in_time(outgoing, resources)) {
            return ended;
        }
    }
}

/// Sees to what the LEMF has not answered in time.
fn in_time(outgoing: &mut Outgoing, resources: &Resources) -> Result<(), Ended> {
    match outgoing.acknowledgement.overdue(Instant::now()) {
        Some(Overdue::Pdus) => Err(Ended::Unacknowledged),
        Some(Overdue::Options) => {
            settled(Outcome::Unanswered, resources);
            Ok(())
        }
        None => Ok(()),
    }
}

fn settled(outcome: Outcome, resources: &Resources) {
    if let Some(options) = &resources.options {
        options.settled(outcome, &resources.counters);
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
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
        let counters = &resources.counters;
        let expected = match arrival {
            Arrival::KeepAliveResponse if keep_alive.answered() => {
                counters.keep_alives_answered.one();
                outgoing.keep_alive_answered(&resources.buffer);
                counters.connected.set(1);
                true
            }
            // These count for the limit already, or are harmless.
            Arrival::KeepAliveResponse | Arrival::Unexpected => {
                counters.unexpected_pdus.one();
                continue;
            }
            Arrival::Options(accepted) => {
                let awaited = outgoing.acknowledgement.responded(accepted);
                if awaited {
                    settled(if accepted { Outcome::Accepted } else { Outcome::Declined }, resources);
                }
                awaited
            }
            Arrival::Acknowledged(number) => {
                let acknowledged = outgoing.pdus_acknowledged(number, &resources.buffer);
                counters.acknowledgements_answered.add(acknowledged.into());
                acknowledged
            }
        };
        if !expected {
            counters.unexpected_pdus.one();
            incoming.unexpected()?;
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

#[cfg(test)]
mod tests;
