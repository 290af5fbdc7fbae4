//! TLS at the receiver's end: its certificate, and whose it accepts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// What a receiver shows of itself, and asks of senders.
#[derive(Clone)]
pub struct ServerTls(pub(super) TlsAcceptor);

/// Why TLS cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ServerTlsError {
    /// A file cannot be read.
    #[error("{file}: {error}")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file holds something else.
    #[error("{file}: expected {expected}")]
    Content {
        /// The file.
        file: PathBuf,
        /// What it should have held.
        expected: &'static str,
    },
}

impl ServerTls {
    /// Reads the certificate, its key and the certificates of those who sign for senders, all in PEM. A sender without
    /// a certificate that one of these signed is refused.
    ///
    /// # Errors
    /// When a file cannot be read or used.
    pub fn read(certificate: &Path, key: &Path, client_ca: &Path, tls12_alone: bool) -> Result<Self, ServerTlsError> {
        let wrong = |file: &Path, expected| ServerTlsError::Content { file: file.to_owned(), expected };
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        for root in certificates(client_ca)? {
            roots.add(root).map_err(|_| wrong(client_ca, "X.509 certificates that can sign others"))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|_| wrong(client_ca, "certificates in PEM"))?;
        let own = PrivateKeyDer::from_pem_slice(&octets(key)?)
            .map_err(|_| wrong(key, "a private key in PEM, without a passphrase"))?;
        let versions: &[_] = if tls12_alone { &[&TLS12] } else { &[&TLS13, &TLS12] };
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|_| wrong(certificate, "a version of TLS that can be had"))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates(certificate)?, own)
            .map_err(|_| wrong(key, "the private key of the certificate"))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ServerTlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&octets(file)?).collect();
    let expected = || ServerTlsError::Content { file: file.to_owned(), expected: "certificates in PEM" };
    found.ok().filter(|found| !found.is_empty()).ok_or_else(expected)
}

fn octets(file: &Path) -> Result<Vec<u8>, ServerTlsError> {
    fs::read(file).map_err(|error| ServerTlsError::Read { file: file.to_owned(), error })
}
