//! Connections with messaging systems: TLS with certificates of both ends, and HTTP/1.1.

use std::net::IpAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use writ_handover::tls::{ServerTlsSettings, TlsFileError, server};

use super::counters::{Counters, one};
use super::http::SHARE_KIB;
use super::places::{Connection, Crowded, Peer, Place, Places};
use crate::config::Ingest as Settings;

/// How long TLS may take to begin.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take, the time before it included.
const HEAD: Duration = Duration::from_secs(60);
/// How long a connection whose place is wanted for another has to end: nothing was asked on it.
const LEAVE: Duration = Duration::from_secs(1);
/// How long files of a certificate stand before they are read anew: a certificate is renewed by replacing them.
const FRESH: Duration = Duration::from_secs(1);
/// After the system refused to open a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// What every connection needs.
pub struct Connections {
    tls: ServerTlsSettings,
    /// When the files were read, and what they gave.
    acceptor: Mutex<Option<(Instant, Option<TlsAcceptor>)>>,
    /// Of those who have not shown a certificate yet, by address: what anybody can open takes no place of the others.
    handshakes: Arc<Places>,
    /// Of those who have, by certificate.
    places: Arc<Places>,
    counters: Arc<Counters>,
}

impl Connections {
    /// None yet.
    ///
    /// # Errors
    /// The first file of the certificate that cannot be used.
    pub fn new(settings: &Settings, counters: Arc<Counters>) -> Result<Self, TlsFileError> {
        let connections = Self {
            tls: settings.tls(),
            acceptor: Mutex::new(None),
            handshakes: Places::new(settings.handshakes, settings.handshakes_per_address, 0),
            places: Places::new(settings.connections, settings.connections_per_client, SHARE_KIB),
            counters,
        };
        connections.read()?;
        Ok(connections)
    }

    fn read(&self) -> Result<TlsAcceptor, TlsFileError> {
        let mut config = server(&self.tls)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// What the files give now. Where they cannot be used nobody is let in by what was there before: whoever replaced it may have
    /// meant to withdraw it.
    fn acceptor(&self) -> Option<TlsAcceptor> {
        let mut held = self.acceptor.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, acceptor)) = &*held
            && read.elapsed() < FRESH
        {
            return acceptor.clone();
        }
        let acceptor = self.read().inspect_err(|error| tracing::error!("ingest.{error}")).ok();
        *held = Some((Instant::now(), acceptor.clone()));
        acceptor
    }

    /// Takes connections for ever.
    pub async fn accept(self: Arc<Self>, listener: TcpListener, router: Router, stopped: watch::Receiver<bool>) {
        loop {
            let Ok((stream, address)) = listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            let too_many = |_| &self.counters.too_many_handshakes;
            let Some(handshake) = self.enter(&self.handshakes, network(address.ip()), too_many) else { continue };
            let Some(acceptor) = self.acceptor() else {
                one(&self.counters.refused);
                continue;
            };
            let (connections, router, stopped) = (Arc::clone(&self), router.clone(), stopped.clone());
            tokio::spawn(async move {
                let accepted = tokio::select! {
                    accepted = timeout(HANDSHAKE, acceptor.accept(stream)) => accepted,
                    // It was counted when its place was taken.
                    () = handshake.connection.closed() => return,
                };
                let Ok(Ok(stream)) = accepted else {
                    one(&connections.counters.refused);
                    return;
                };
                drop(handshake);
                connections.serve(stream, router, stopped).await;
            });
        }
    }

    /// Answers what a client asks for as long as it has a place.
    async fn serve(&self, stream: TlsStream<TcpStream>, router: Router, mut stopped: watch::Receiver<bool>) {
        let certificates = stream.get_ref().1.peer_certificates();
        // TLS has seen to it that there is one.
        let client = certificates.and_then(|all| all.first()).map(|certificate| Peer::from(certificate.as_ref()));
        let too_many = |crowded| match crowded {
            Crowded::OfPeer => &self.counters.too_many_of_client,
            Crowded::OfAll => &self.counters.too_many,
        };
        let Some(place) = self.enter(&self.places, client.unwrap_or_default(), too_many) else { return };
        one(&self.counters.opened);
        answer(stream, router, &place.connection, &mut stopped).await;
    }

    /// Takes a place, and counts where there was none, also if another was closed for it.
    fn enter<'s>(
        &'s self,
        places: &Arc<Places>,
        peer: Peer,
        too_many: impl Fn(Crowded) -> &'s AtomicU64,
    ) -> Option<Place> {
        let place = places.enter(peer);
        let crowded = match &place {
            Ok(place) => place.displaced,
            Err(crowded) => Some(*crowded),
        };
        crowded.into_iter().for_each(|crowded| one(too_many(crowded)));
        place.ok()
    }

    /// Waits until all connections have ended, or that time is over.
    pub async fn ended(&self, within: Duration) {
        let _ = timeout(within, self.places.all_left()).await;
    }
}

/// Whose an address is: of IPv6 the first half, since one customer has all of the other.
fn network(address: IpAddr) -> Peer {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().as_slice().into(),
        IpAddr::V6(address) => address.octets().first_chunk::<8>().copied().unwrap_or_default().as_slice().into(),
    }
}

/// Returns when it is to stop.
pub async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Answers requests until the client or the endpoint ends, or the place is wanted for another while nothing is asked.
async fn answer(
    stream: TlsStream<TcpStream>,
    router: Router,
    place: &Arc<Connection>,
    stopped: &mut watch::Receiver<bool>,
) {
    let service = TowerToHyperService::new(router.layer(Extension(Arc::clone(place))));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // How a client ends is its own affair.
        _ = connection.as_mut() => {}
        () = told_to_stop(stopped) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
        () = place.closed() => {
            connection.as_mut().graceful_shutdown();
            // A head of which only a part has come is not waited for.
            let _ = timeout(LEAVE, connection).await;
        }
    }
}
