//! A monitoring facility that listens, for PDUs over TCP.

mod answers;
mod connection;
mod tls;

use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::timeout;

pub use self::answers::Acknowledge;
use self::connection::{Arrived, Connection, Ended};
pub use self::tls::{ServerTls, ServerTlsError};
use crate::record::{Keys, RecordSettings, Recorder, StoreError};
use crate::summary::Summary;

/// Batches of PDUs on their way to the disk. Each is what one read from a connection gave, or one long PDU.
const BATCHES: usize = 16;
/// How long to wait after an `accept` that failed for want of something that comes back, such as file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// After the signal to stop: how long to look for a connection that came before it.
const LAST_ACCEPT: Duration = Duration::from_millis(20);

/// How a receiver behaves.
pub struct Settings {
    /// How PDUs are recorded.
    pub record: RecordSettings,
    /// The keys that were agreed with the sender.
    pub keys: Keys,
    /// Connections at a time. Beyond it they are closed at once, and counted.
    pub connections: usize,
    /// Octets of a PDU, at most.
    pub max_pdu_octets: usize,
    /// How long a connection may be silent before it is closed. A sender that keeps alive is heard at least each TIME1, 120 to
    /// 360 s. `None`: for ever.
    pub idle: Option<Duration>,
    /// How long a peer may take to accept an answer.
    pub answer: Duration,
    /// Whether PDUs are acknowledged to a sender that asks for it.
    pub acknowledge: Acknowledge,
    /// TLS around each connection. `None`: plain TCP.
    pub tls: Option<ServerTls>,
    /// Where lines about what arrives go.
    pub out: Box<dyn Write + Send>,
    /// Told the address once the receiver listens.
    pub bound: Option<oneshot::Sender<SocketAddr>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            record: RecordSettings::default(),
            keys: Keys::default(),
            connections: 64,
            max_pdu_octets: writ_etsi::MAX_PDU_OCTETS,
            idle: None,
            answer: Duration::from_secs(30),
            acknowledge: Acknowledge::default(),
            tls: None,
            out: Box::new(io::stdout()),
            bound: None,
        }
    }
}

/// Why a receiver cannot go on. What peers send is never a reason.
#[derive(Debug, thiserror::Error)]
pub enum LemfError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The store cannot be used.
    #[error("cannot use the store: {0}")]
    Store(#[from] StoreError),
    /// What arrived cannot be written.
    #[error("cannot write what arrived: {0}")]
    Write(io::Error),
    /// The recorder ended in a way that it never should.
    #[error("the recorder failed: {0}")]
    Recorder(JoinError),
}

/// Listens and records until `shutdown` completes; then takes what has already arrived (for two seconds at most, from
/// senders that never pause), closes everything, and says what was counted.
///
/// # Errors
/// Where the address or the store cannot be used, or a disk cannot be written.
pub async fn receive(
    listen: SocketAddr,
    store: PathBuf,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) -> Result<Summary, LemfError> {
    let Settings { record, keys, connections, max_pdu_octets, idle, answer, acknowledge, tls, out, bound } = settings;
    let recorder = Recorder::open_with(&store, record, keys, out)?;
    let refused = |error| LemfError::Listen { address: listen, error };
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    if let Some(bound) = bound {
        // Whoever asked may have stopped waiting for it.
        let _ = bound.send(listener.local_addr().map_err(refused)?);
    }
    let (sender, arrived) = mpsc::channel(BATCHES);
    let mut recording = tokio::task::spawn_blocking(move || keep(recorder, arrived));
    let (stop, stopping) = watch::channel(false);
    let connection = Connection { max_pdu_octets, idle, answer, acknowledge, tls, sender, stopping };

    let mut open = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            // The recorder ends before its senders only when it fails.
            ended = &mut recording => return ended.map_err(LemfError::Recorder)?.map_err(LemfError::Write),
            Some(_) = open.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if open.len() >= connections => {
                    drop(stream);
                    connection.tell(Arrived::Refused { peer }).await;
                }
                Ok((stream, peer)) => {
                    let connection = connection.clone();
                    open.spawn(serve(connection, stream, peer));
                }
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            }
        }
    }
    // Peers that connected before the stop and were not accepted yet have sent as well as the others.
    while let Ok(Ok((stream, peer))) = timeout(LAST_ACCEPT, listener.accept()).await {
        if open.len() >= connections {
            connection.tell(Arrived::Refused { peer }).await;
        } else {
            open.spawn(serve(connection.clone(), stream, peer));
        }
    }
    drop(listener);
    // A receiver that is gone has ended by itself.
    let _ = stop.send(true);
    drop(connection);
    while open.join_next().await.is_some() {}
    finished(recording).await
}

/// One connection.
async fn serve(mut connection: Connection, stream: TcpStream, peer: SocketAddr) {
    connection.tell(Arrived::Opened { peer }).await;
    // Answers are a few octets, and waited for.
    let _ = stream.set_nodelay(true);
    let ended = match connection.tls.clone() {
        None => connection.serve(stream).await,
        Some(ServerTls(acceptor)) => match timeout(connection.answer, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => connection.serve(stream).await,
            Ok(Err(error)) => Ended::NoTls(error),
            Err(_) => Ended::NoTls(io::ErrorKind::TimedOut.into()),
        },
    };
    connection.tell(Arrived::Closed { peer, ended }).await;
}

async fn finished(recording: JoinHandle<io::Result<Summary>>) -> Result<Summary, LemfError> {
    recording.await.map_err(LemfError::Recorder)?.map_err(LemfError::Write)
}

/// Writes what arrives, until all who send it are gone. What is gathered reaches the files when nothing is waiting.
fn keep(mut recorder: Recorder, mut arrived: mpsc::Receiver<Arrived>) -> io::Result<Summary> {
    while let Some(first) = arrived.blocking_recv() {
        take(&mut recorder, first)?;
        while let Ok(next) = arrived.try_recv() {
            take(&mut recorder, next)?;
        }
        recorder.flush()?;
    }
    recorder.finish()
}

fn take(recorder: &mut Recorder, arrived: Arrived) -> io::Result<()> {
    match arrived {
        Arrived::Opened { peer } => {
            recorder.summary().connections += 1;
            recorder.remark(&format!("{peer} connected"))
        }
        Arrived::Refused { peer } => {
            recorder.summary().connections_refused += 1;
            recorder.remark(&format!("{peer} refused: too many connections"))
        }
        Arrived::KeepAlives(count) => {
            recorder.summary().keep_alives += count;
            Ok(())
        }
        Arrived::Acknowledged(count) => {
            recorder.summary().acknowledgements += count;
            Ok(())
        }
        Arrived::Sync(synced) => {
            recorder.sync()?;
            // A connection that is gone does not want to know.
            let _ = synced.send(());
            Ok(())
        }
        Arrived::Pdus(pdus) => pdus.into_iter().try_for_each(|(octets, pdu)| match pdu {
            Ok(pdu) => recorder.pdu(&octets, &pdu),
            Err(error) => recorder.malformed(&octets, error),
        }),
        Arrived::Closed { peer, ended } => {
            if ended.is_broken() {
                recorder.summary().connections_broken += 1;
            }
            recorder.remark(&format!("{peer} {ended}"))
        }
    }
}
