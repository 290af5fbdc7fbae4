//! Certificates for these tests: an authority, and what it and others sign.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]
#![allow(dead_code, reason = "each test uses its own part")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use writ_handover::settings::TlsSettings;

/// Who signs.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Where a certificate and its key are.
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate.
    pub fn write(&self, file: &Path) -> PathBuf {
        fs::write(file, self.0.pem()).unwrap();
        file.to_owned()
    }

    /// A certificate for this name or address, in two files that begin with `stem`, which may be there already.
    pub fn issue(&self, folder: &Path, stem: &str, name: &str) -> Pair {
        self.sign(folder, stem, CertificateParams::new([name.to_owned()]).unwrap())
    }

    /// The same, over since 2021.
    pub fn issue_expired(&self, folder: &Path, stem: &str, name: &str) -> Pair {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.sign(folder, stem, params)
    }

    fn sign(&self, folder: &Path, stem: &str, params: CertificateParams) -> Pair {
        let key_pair = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key_pair, &self.0).unwrap();
        let pair = Pair { certificate: folder.join(format!("{stem}.pem")), key: folder.join(format!("{stem}.key")) };
        fs::write(&pair.certificate, certificate.pem()).unwrap();
        fs::write(&pair.key, key_pair.serialize_pem()).unwrap();
        fs::set_permissions(&pair.key, fs::Permissions::from_mode(0o600)).unwrap();
        pair
    }
}

/// Settings of one who trusts `ca` and shows `own`.
pub fn tls(ca: &Path, own: &Pair) -> TlsSettings {
    TlsSettings {
        ca: ca.to_owned(),
        certificate: own.certificate.clone(),
        key: own.key.clone(),
        server_name: Some("lemf.example".to_owned()),
        allow_tls12: false,
    }
}
