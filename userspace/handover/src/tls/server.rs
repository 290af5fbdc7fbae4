//! TLS where others connect to us: our certificate, and whose we accept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{Error, ServerConfig};
use serde::Deserialize;

use super::files::{TlsFileError, certificates, private_key, roots};

/// The files of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerTlsSettings {
    /// Certificates (PEM) of those who may have signed that of a client. A client without one is refused.
    pub client_ca: PathBuf,
    /// Our own certificate (PEM), first in its file, and those between it and what clients trust.
    pub certificate: PathBuf,
    /// The private key of our certificate (PEM, without a passphrase), in a file that nobody else can read.
    pub key: PathBuf,
    /// Whether TLS 1.2 will do, where a client has no TLS 1.3.
    #[serde(default)]
    pub allow_tls12: bool,
}

impl ServerTlsSettings {
    /// The same, with paths that are relative taken from this folder.
    #[must_use]
    pub fn relative_to(mut self, folder: &Path) -> Self {
        for path in [&mut self.client_ca, &mut self.certificate, &mut self.key] {
            *path = folder.join(&*path);
        }
        self
    }
}

/// Reads all that an endpoint needs. Sessions are not resumed, so that every connection proves anew who is at its ends.
///
/// # Errors
/// The first file that cannot be used.
pub fn server(settings: &ServerTlsSettings) -> Result<ServerConfig, TlsFileError> {
    let wrong =
        |setting, file: &Path, expected| TlsFileError { setting, file: file.to_owned(), expected, reason: None };
    let provider = Arc::new(ring::default_provider());
    let clients = roots("client_ca", &settings.client_ca)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(clients), Arc::clone(&provider))
        .build()
        .map_err(|_| wrong("client_ca", &settings.client_ca, "X.509 certificates that can sign others"))?;
    let chain = certificates("certificate", &settings.certificate)?;
    let key = private_key(&settings.key)?;
    let versions: &[_] = if settings.allow_tls12 { &[&TLS13, &TLS12] } else { &[&TLS13] };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        // The provider has what these versions need.
        .map_err(|_| wrong("certificate", &settings.certificate, "a version of TLS that can be had"))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            Error::InvalidCertificate(_) => {
                wrong("certificate", &settings.certificate, "an X.509 certificate as the first of the file")
            }
            _ => {
                wrong("key", &settings.key, "the private key of the certificate: RSA, ECDSA (P-256, P-384) or Ed25519")
            }
        })?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
