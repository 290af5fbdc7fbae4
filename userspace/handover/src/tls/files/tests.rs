use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rcgen::{KeyPair, generate_simple_self_signed};

use super::*;

/// A folder with files that can be used.
fn good() -> (tempfile::TempDir, TlsSettings) {
    let folder = tempfile::tempdir().unwrap();
    let pair = generate_simple_self_signed(["lemf.example".to_owned()]).unwrap();
    let settings = TlsSettings {
        ca: folder.path().join("ca.pem"),
        certificate: folder.path().join("writ.pem"),
        key: folder.path().join("writ.key"),
        server_name: None,
        allow_tls12: false,
    };
    fs::write(&settings.ca, pair.cert.pem()).unwrap();
    fs::write(&settings.certificate, pair.cert.pem()).unwrap();
    key(&settings.key, pair.signing_key.serialize_pem().as_bytes(), 0o400);
    (folder, settings)
}

fn key(path: &Path, octets: &[u8], mode: u32) {
    let _ = fs::remove_file(path);
    fs::write(path, octets).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn good_files_are_read() {
    let (_folder, settings) = good();
    assert!(read(&settings).is_ok());
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let (_folder, settings) = good();
    for (mode, fine) in [(0o400, true), (0o600, true), (0o440, true), (0o640, true), (0o604, false), (0o620, false)] {
        fs::set_permissions(&settings.key, fs::Permissions::from_mode(mode)).unwrap();
        let read = read(&settings);
        assert_eq!(read.is_ok(), fine, "{mode:o}");
        if let Err(error) = read {
            assert!(error.to_string().starts_with("key: expected a file that nobody but its owner and group"));
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_the_setting_and_the_file() {
    let (_folder, settings) = good();
    let pem = fs::read(&settings.certificate).unwrap();
    let other_key = KeyPair::generate().unwrap().serialize_pem();
    let no_x509 = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (setting, octets, expected) in [
        ("ca", &b""[..], "ca: expected certificates in PEM"),
        ("ca", no_x509, "ca: expected X.509 certificates"),
        ("certificate", b"not PEM", "certificate: expected certificates in PEM"),
        ("certificate", no_x509, "certificate: expected an X.509 certificate"),
        ("key", &pem, "key: expected a private key in PEM"),
        ("key", other_key.as_bytes(), "key: expected the private key of the certificate"),
    ] {
        let (_folder, settings) = good();
        let file = match setting {
            "ca" => &settings.ca,
            "certificate" => &settings.certificate,
            _ => &settings.key,
        };
        key(file, octets, 0o400);
        let error = read(&settings).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(error.contains(&file.display().to_string()) && !error.contains('\n'), "{error}");
    }
    fs::remove_file(&settings.ca).unwrap();
    let error = read(&settings).unwrap_err().to_string();
    assert!(error.contains("ca: expected a file of certificates that can be read") && error.contains("No such file"));
}
