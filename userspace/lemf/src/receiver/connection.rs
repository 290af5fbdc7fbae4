//! One connection to a sender.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use writ_etsi::{DecodeError, FrameError, PsPdu};

use super::answers::{Acknowledge, Answer, Asked, Kind, Taken};
use super::tls::ServerTls;
use crate::pdu_buffer::PduBuffer;

/// Octets that are read at a time.
const READ_AT_ONCE: usize = 128 * 1024;
/// After the signal to stop: how long a connection has to be silent before it counts as drained.
const DRAINED: Duration = Duration::from_millis(50);
/// After the signal to stop: how long a connection may go on that is never silent.
const DRAIN_AT_MOST: Duration = Duration::from_secs(2);

/// What connections tell the recorder.
pub(super) enum Arrived {
    Opened {
        peer: SocketAddr,
    },
    Refused {
        peer: SocketAddr,
    },
    Pdus(Vec<(Bytes, Result<PsPdu, DecodeError>)>),
    KeepAlives(u64),
    Acknowledged(u64),
    /// To be told once everything before is on disk.
    Sync(oneshot::Sender<()>),
    Closed {
        peer: SocketAddr,
        ended: Ended,
    },
}

/// How a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("closed the connection")]
    ByPeer,
    #[error("closed the connection inside a PDU, {octets} octets of which are lost")]
    InsidePdu { octets: usize },
    #[error("was silent for {} s: connection closed", .0.as_secs())]
    Idle(Duration),
    #[error("takes no answers: connection closed")]
    Unanswerable,
    #[error("offset {offset}: {error}: connection closed")]
    NoPdu { offset: u64, error: FrameError },
    #[error("no TLS connection: {0}")]
    NoTls(io::Error),
    #[error("connection lost: {0}")]
    Lost(io::Error),
    #[error("disconnected: the receiver stops")]
    Stopped,
}

impl Ended {
    /// Whether something may be lost by it that the sender does not know of.
    pub(super) fn is_broken(&self) -> bool {
        !matches!(self, Self::ByPeer | Self::Stopped)
    }
}

/// What all connections of a receiver have in common.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) max_pdu_octets: usize,
    pub(super) idle: Option<Duration>,
    pub(super) answer: Duration,
    pub(super) acknowledge: Acknowledge,
    pub(super) tls: Option<ServerTls>,
    pub(super) sender: mpsc::Sender<Arrived>,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Connection {
    pub(super) async fn tell(&self, arrived: Arrived) {
        // The recorder is gone only when it failed, and the receiver then ends with that.
        let _ = self.sender.send(arrived).await;
    }

    /// Reads PDUs from a stream until it ends, answers keep-alives, and closes it.
    pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&mut self, mut stream: S) -> Ended {
        let ended = self.converse(&mut stream).await;
        // With TLS there is an end to announce. Whoever does not listen any more misses nothing.
        let _ = within(Some(DRAINED), stream.shutdown()).await;
        ended
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(&mut self, mut stream: S) -> Ended {
        let mut buffer = PduBuffer::new(self.max_pdu_octets);
        let mut asked = Asked::new(self.acknowledge);
        let mut stop_at = None;
        loop {
            if *self.stopping.borrow()
                && Instant::now() > *stop_at.get_or_insert_with(|| Instant::now() + DRAIN_AT_MOST)
            {
                return Ended::Stopped;
            }
            buffer.tail().reserve(READ_AT_ONCE);
            let wait = if *self.stopping.borrow() { Some(DRAINED) } else { self.idle };
            let read = tokio::select! {
                read = within(wait, stream.read_buf(buffer.tail())) => read,
                // The next round waits no longer than it takes to drain.
                Ok(()) = self.stopping.changed() => continue,
            };
            match read {
                None if *self.stopping.borrow() => return Ended::Stopped,
                None => return Ended::Idle(self.idle.unwrap_or_default()),
                // A FIN that TLS has not announced is one.
                Some(Err(error)) if error.kind() != io::ErrorKind::UnexpectedEof => return Ended::Lost(error),
                Some(Ok(0) | Err(_)) => {
                    return match buffer.unfinished() {
                        (0, _) => Ended::ByPeer,
                        (octets, _) => Ended::InsidePdu { octets },
                    };
                }
                Some(Ok(_)) => {}
            }
            let (pdus, answers, framed) = take_in(&mut buffer, &mut asked);
            if !pdus.is_empty() {
                self.tell(Arrived::Pdus(pdus)).await;
            }
            if let Err(error) = framed {
                return Ended::NoPdu { offset: buffer.offset(), error };
            }
            if let Some(ended) = self.answer_all(&mut stream, answers).await {
                return ended;
            }
        }
    }

    /// Answers in the order of the requests; an acknowledgement only when what came before it is on disk.
    async fn answer_all<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, answers: Vec<Answer>) -> Option<Ended> {
        if answers.is_empty() {
            return None;
        }
        let count = |kind| answers.iter().filter(|answer| answer.kind == kind).count() as u64;
        let (keep_alives, acknowledgements) = (count(Kind::KeepAlive), count(Kind::Acknowledgement));
        if acknowledgements > 0 {
            let (synced, wait) = oneshot::channel();
            self.tell(Arrived::Sync(synced)).await;
            if wait.await.is_err() {
                return Some(Ended::Stopped);
            }
        }
        let octets: Vec<u8> = answers.into_iter().flat_map(|answer| answer.octets).collect();
        match within(Some(self.answer), write_all(stream, &octets)).await {
            None => return Some(Ended::Unanswerable),
            Some(Err(error)) => return Some(Ended::Lost(error)),
            Some(Ok(())) => {}
        }
        if keep_alives > 0 {
            self.tell(Arrived::KeepAlives(keep_alives)).await;
        }
        if acknowledgements > 0 {
            self.tell(Arrived::Acknowledged(acknowledgements)).await;
        }
        None
    }
}

async fn write_all<S: AsyncWrite + Unpin>(stream: &mut S, octets: &[u8]) -> io::Result<()> {
    stream.write_all(octets).await?;
    stream.flush().await
}

type TakenIn = (Vec<(Bytes, Result<PsPdu, DecodeError>)>, Vec<Answer>, Result<(), FrameError>);

/// The PDUs that are there as a whole, the answers to those that ask for one, and whether the octets after them can be read.
fn take_in(buffer: &mut PduBuffer, asked: &mut Asked) -> TakenIn {
    let (mut pdus, mut answers) = (Vec::new(), Vec::new());
    loop {
        match buffer.next() {
            Ok(Some((_, octets))) => match writ_etsi::decode(&octets) {
                Ok(pdu) => match asked.take(pdu) {
                    Taken::Answered(answer) => answers.extend(answer),
                    Taken::Kept(pdu) => pdus.push((octets, Ok(*pdu))),
                },
                Err(error) => pdus.push((octets, Err(error))),
            },
            Ok(None) => return (pdus, answers, Ok(())),
            Err(error) => return (pdus, answers, Err(error)),
        }
    }
}

/// The outcome of `act`, unless it takes longer than `limit`.
async fn within<T>(limit: Option<Duration>, act: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, act).await.ok(),
        None => Some(act.await),
    }
}
