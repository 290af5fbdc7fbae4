//! The files of `[lemf.tls]` and of an endpoint of our own: certificates and keys, read and checked.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, Error, RootCertStore};
use thiserror::Error as ThisError;
use zeroize::Zeroizing;

use super::expiry::not_after;
use crate::key_file::{self, KEPT, KeyFileError};
use crate::settings::TlsSettings;

/// The longest file that is read: thousands of certificates.
const LONGEST_FILE: u64 = 1 << 20;

/// A file of certificates or of a key that cannot be used.
#[derive(Debug, ThisError)]
#[error("{setting}: expected {expected}: {}{}", file.display(), reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
pub struct TlsFileError {
    /// Which of the settings names it: `ca`, `client_ca`, `certificate` or `key`.
    pub setting: &'static str,
    /// The file.
    pub file: PathBuf,
    /// What it should have been.
    pub expected: &'static str,
    /// Why it could not be read, where that is what failed.
    pub reason: Option<io::Error>,
}

/// Reads all that a connection needs, and when our certificate ends.
pub(super) fn read(settings: &TlsSettings) -> Result<(ClientConfig, u64), TlsFileError> {
    let roots = roots("ca", &settings.ca)?;
    let chain = certificates("certificate", &settings.certificate)?;
    let expires = chain.first().and_then(not_after).unwrap_or_default();
    let key = private_key(&settings.key)?;
    let versions: &[_] = if settings.allow_tls12 { &[&TLS13, &TLS12] } else { &[&TLS13] };
    let wrong =
        |setting, file: &Path, expected| TlsFileError { setting, file: file.to_owned(), expected, reason: None };
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        // The provider has what these versions need.
        .map_err(|_| wrong("ca", &settings.ca, "a version of TLS that can be had"))?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|error| match error {
            Error::InconsistentKeys(_) => wrong("key", &settings.key, "the private key of the certificate"),
            Error::InvalidCertificate(_) => {
                wrong("certificate", &settings.certificate, "an X.509 certificate as the first of the file")
            }
            _ => wrong("key", &settings.key, "a private key of RSA, ECDSA (P-256, P-384) or Ed25519"),
        })?;
    config.resumption = Resumption::disabled();
    Ok((config, expires))
}

pub(super) fn roots(setting: &'static str, file: &Path) -> Result<RootCertStore, TlsFileError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(setting, file)? {
        roots.add(certificate).map_err(|_| TlsFileError {
            setting,
            file: file.to_owned(),
            expected: "X.509 certificates that can sign others",
            reason: None,
        })?;
    }
    Ok(roots)
}

pub(super) fn certificates(setting: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let expected = "a file of certificates that can be read";
    let octets = octets(setting, file, expected, File::open(file).map_err(KeyFileError::Read))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&octets).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TlsFileError { setting, file: file.to_owned(), expected: "certificates in PEM", reason: None }),
    }
}

pub(super) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    let octets = octets("key", file, "a file with the private key that can be read", key_file::open(file))?;
    PrivateKeyDer::from_pem_slice(&octets).map_err(|_| TlsFileError {
        setting: "key",
        file: file.to_owned(),
        expected: "a private key in PEM, without a passphrase",
        reason: None,
    })
}

/// The octets of a file that was opened. They may be those of a key, and are overwritten.
fn octets(
    setting: &'static str,
    file: &Path,
    expected: &'static str,
    opened: Result<File, KeyFileError>,
) -> Result<Zeroizing<Vec<u8>>, TlsFileError> {
    let wrong = |expected, reason| TlsFileError { setting, file: file.to_owned(), expected, reason };
    let unread = |error| wrong(expected, Some(error));
    let open = opened.map_err(|error| match error {
        KeyFileError::Read(error) => unread(error),
        KeyFileError::Open => wrong(KEPT, None),
    })?;
    let found = open.metadata().map_err(unread)?;
    // Room for all of it from the start: a vector that grows leaves copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(found.len().min(LONGEST_FILE) as usize + 1));
    open.take(LONGEST_FILE + 1).read_to_end(&mut octets).map_err(unread)?;
    if octets.len() as u64 > LONGEST_FILE {
        return Err(wrong("a file of at most 1 MiB", None));
    }
    Ok(octets)
}

#[cfg(test)]
mod tests;
