//! From a replay to `writ decode`: what is agreed with an LEMF, and what is told of PDUs that are not what was sent.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};
use p256::ecdsa::SigningKey as P256Key;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn writ(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_writ")).current_dir(folder).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with the keys, and what a replay under this agreement wrote, cut into PDUs.
fn replayed(agreement: &str) -> (tempfile::TempDir, Vec<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let ed25519 = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    write("ed25519.pem", &ed25519.to_pkcs8_pem(LineEnding::LF).unwrap());
    write("ed25519.pub", &ed25519.verifying_key().to_public_key_pem(LineEnding::LF).unwrap());
    let p256 = P256Key::from_slice(&[9; 32]).unwrap();
    write("p256.pem", &p256.to_pkcs8_pem(LineEnding::LF).unwrap());
    write("p256.pub", &p256.verifying_key().to_public_key_pem(LineEnding::LF).unwrap());
    write("key", &"5a".repeat(32));
    let lemf = "[[lemf]]\nname = \"demo\"\naddress = \"127.0.0.1:1\"\n[[agreement]]\nlemf = \"demo\"\n";
    write("writ.toml", &format!("{lemf}{agreement}"));
    let (capture, warrants) = (format!("{ROOT}/tests/captures/demo.pcap"), format!("{ROOT}/demo/warrants.toml"));
    let replay = ["replay", &capture, "--warrants", &warrants, "--config", "writ.toml", "--out", "all.etsi"];
    let output = writ(folder.path(), &replay);
    assert!(output.status.success(), "{}", said(&output));
    let octets = std::fs::read(folder.path().join("all.etsi")).unwrap();
    let mut rest = &octets[..];
    let mut pdus = Vec::new();
    while !rest.is_empty() {
        let (pdu, after) = rest.split_at(writ_etsi::pdu_length(rest).unwrap().unwrap());
        pdus.push(pdu.to_vec());
        rest = after;
    }
    (folder, pdus)
}

/// Decodes these PDUs as a file.
fn decoded(folder: &Path, pdus: &[Vec<u8>], options: &[&str]) -> (bool, String, String) {
    std::fs::write(folder.join("some.etsi"), pdus.concat()).unwrap();
    let output = writ(folder, &[&["decode", "some.etsi"], options].concat());
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned(), said(&output))
}

#[test]
fn a_recorded_delivery_is_verified_and_each_pdu_that_is_missing_or_altered_is_named() {
    for (private, public) in [("ed25519.pem", "ed25519.pub"), ("p256.pem", "p256.pub")] {
        let agreement = format!("[agreement.integrity]\nhash_pdus = 1\nsigning_key = \"{private}\"\n");
        let (folder, pdus) = replayed(&agreement);
        let options = ["--verify-key", public];
        let (is_clean, _, said) = decoded(folder.path(), &pdus, &options);
        assert!(is_clean, "{said}");
        assert!(said.contains("0 missing, 0 altered, 0 forged"), "{said}");
        let is_content =
            |pdu: &Vec<u8>| matches!(writ_etsi::decode(pdu).unwrap().payload, writ_etsi::Payload::CcPayloadSequence(_));
        let at = pdus.iter().position(is_content).unwrap();
        let header = writ_etsi::decode(&pdus[at]).unwrap().ps_header;
        let cin = header.communication_identifier.communication_identity_number.unwrap();
        let whose = format!("cin {cin} CC: PDU {} ", header.sequence_number);

        let mut missing = pdus.clone();
        missing.remove(at);
        let (is_clean, _, said) = decoded(folder.path(), &missing, &options);
        assert!(!is_clean && said.contains(&format!("{whose}missing")), "{said}");

        let mut altered = pdus.clone();
        let last = altered[at].len() - 3;
        altered[at][last] ^= 1;
        let (is_clean, _, said) = decoded(folder.path(), &altered, &options);
        assert!(!is_clean && said.contains(&format!("{whose}altered")), "{said}");

        let others = if public == "p256.pub" { "ed25519.pub" } else { "p256.pub" };
        let (is_clean, _, said) = decoded(folder.path(), &pdus, &["--verify-key", others]);
        assert!(!is_clean && said.contains("is not that of this key"), "{said}");
    }
}

#[test]
fn encrypted_pdus_are_the_same_once_they_are_decrypted() {
    let (plain_folder, plain) = replayed("");
    let (_, plain_text, _) = decoded(plain_folder.path(), &plain, &["--json"]);
    let (folder, pdus) = replayed("[agreement.encryption]\ncipher = \"aes-256-cbc\"\nkey_file = \"key\"\n");
    assert!(!pdus.concat().windows(5).any(|octets| octets == b"alice"), "no word of it is in the clear");
    let (is_good, text, said) = decoded(folder.path(), &pdus, &["--json", "--key-file", "key"]);
    assert!(is_good && text == plain_text, "{said}");
    let (is_good, text, _) = decoded(folder.path(), &pdus, &[]);
    assert!(is_good && text.contains("encryptionContainer"));
    std::fs::write(folder.path().join("other"), "5b".repeat(32)).unwrap();
    let (is_good, _, said) = decoded(folder.path(), &pdus, &["--key-file", "other"]);
    assert!(!is_good && said.contains("expected an EncryptedPayload under this key"), "{said}");
}

#[test]
fn all_of_it_together_is_verified() {
    let agreement = "[agreement.aggregate]\ndelay = 1\n[agreement.encryption]\ncipher = \"aes-256-cbc\"\nkey_file = \"key\"\n\
                     [agreement.integrity]\nhash = \"sha-512\"\nsigning_key = \"ed25519.pem\"\n";
    let (folder, pdus) = replayed(agreement);
    let (_, alone) = replayed("");
    assert!(pdus.len() < alone.len(), "{} PDUs and {} without aggregation", pdus.len(), alone.len());
    let (is_clean, text, said) =
        decoded(folder.path(), &pdus, &["--json", "--key-file", "key", "--verify-key", "ed25519.pub"]);
    assert!(is_clean && said.contains("0 PDUs covered by none, 0 hashes not signed"), "{said}");
    assert!(text.contains("microSecondTimeStamp"));
    // Without the key it cannot be told which are IRI and which CC; nothing is called missing for that.
    let (is_clean, _, said) = decoded(folder.path(), &pdus, &["--verify-key", "ed25519.pub"]);
    assert!(is_clean && said.contains("need --key-file"), "{said}");
}

#[test]
fn an_agreement_that_cannot_be_used_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let lemf = "[[lemf]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n";
    for (agreement, expected) in [
        ("[[agreement]]\nlemf = \"b\"\n", "c.toml:6: agreement.lemf: expected the name of a [[lemf]]"),
        (
            "[[agreement]]\nlemf = \"a\"\n[[agreement]]\nlemf = \"a\"\n",
            "c.toml:8: agreement.lemf: expected an LEMF with which there is no other [[agreement]]",
        ),
        (
            "[[agreement]]\nlemf = \"a\"\n[agreement.integrity]\nhash_pdus = 0\n",
            "c.toml:8: agreement.integrity.hash_pdus: expected PDUs, 1 to 10000",
        ),
        (
            "[[agreement]]\nlemf = \"a\"\n[agreement.aggregate]\ndelay = \"soon\"\n",
            "c.toml:8: agreement.aggregate.delay: expected seconds, as a number",
        ),
        (
            "[[agreement]]\nlemf = \"a\"\n[agreement.encryption]\ncipher = \"aes-256-cbc\"\nkey_file = \"none\"\n",
            "c.toml:9: agreement.encryption.key_file: expected a file that can be read",
        ),
    ] {
        std::fs::write(folder.path().join("c.toml"), format!("{lemf}\n{agreement}")).unwrap();
        let output = writ(folder.path(), &["check", "--config", "c.toml"]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(expected), "{} is not {expected}", said(&output));
    }
}
