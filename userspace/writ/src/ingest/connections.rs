//! Connections with messaging systems: TLS with certificates of both ends, and HTTP/1.1.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use writ_handover::tls::{ServerTlsSettings, TlsFileError, server};

use super::counters::{Counters, one};
use crate::config::Ingest as Settings;

/// Connections at a time, of those who have shown a certificate.
const CONNECTIONS: usize = 64;
/// Connections at a time of those who have not yet: what anybody can open takes no place of the others.
const HANDSHAKES: usize = 256;
/// How long TLS may take to begin.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take, the time before it included.
const HEAD: Duration = Duration::from_secs(60);
/// How long files of a certificate stand before they are read anew: a certificate is renewed by replacing them.
const FRESH: Duration = Duration::from_secs(1);
/// After the system refused to open a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// What every connection needs.
pub struct Connections {
    tls: ServerTlsSettings,
    /// When the files were read, and what they gave.
    acceptor: Mutex<Option<(Instant, Option<TlsAcceptor>)>>,
    handshakes: Arc<Semaphore>,
    places: Arc<Semaphore>,
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
            handshakes: Arc::new(Semaphore::new(HANDSHAKES)),
            places: Arc::new(Semaphore::new(CONNECTIONS)),
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
    pub async fn accept(&self, listener: TcpListener, router: Router, stopped: watch::Receiver<bool>) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            let Ok(handshake) = Arc::clone(&self.handshakes).try_acquire_owned() else {
                one(&self.counters.too_many);
                continue;
            };
            let Some(acceptor) = self.acceptor() else {
                one(&self.counters.refused);
                continue;
            };
            let (counters, router, mut stopped) = (Arc::clone(&self.counters), router.clone(), stopped.clone());
            let places = Arc::clone(&self.places);
            tokio::spawn(async move {
                let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(stream)).await else {
                    one(&counters.refused);
                    return;
                };
                drop(handshake);
                let Ok(_place) = places.try_acquire_owned() else {
                    one(&counters.too_many);
                    return;
                };
                one(&counters.opened);
                answer(stream, router, &mut stopped).await;
            });
        }
    }

    /// Waits until all connections have ended, or that time is over.
    pub async fn ended(&self, within: Duration) {
        let _ = timeout(within, self.places.acquire_many(CONNECTIONS as u32)).await;
    }
}

/// Returns when it is to stop.
pub async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Answers requests until the client or the endpoint ends.
async fn answer(stream: TlsStream<TcpStream>, router: Router, stopped: &mut watch::Receiver<bool>) {
    let service = TowerToHyperService::new(router);
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
    }
}
