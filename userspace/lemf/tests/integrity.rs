//! What a verifier says of PDUs that are what was sent, and of those that are not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use sha2::Digest as _;
use writ_etsi::asn1::{Additions, OctetString};
use writ_etsi::*;
use writ_lemf::Summary;
use writ_lemf::integrity::{Problem, Verified, Verifier, VerifierLimits, VerifyingKey};
use writ_lemf::record::{RecordSettings, Recorder};

/// PDUs of one communication, with the checks over them.
struct Sender {
    pdus: Vec<PsPdu>,
    algorithm: HashAlgorithm,
}

impl Sender {
    fn new() -> Self {
        Self { pdus: Vec::new(), algorithm: HashAlgorithm::Sha256 }
    }

    fn push(&mut self, payload: Payload) -> u32 {
        let number = u32::try_from(self.pdus.len()).unwrap();
        let ps_header = PsHeader {
            li_ps_domain_id: Profile::Current.li_ps_domain_id(),
            lawful_interception_identifier: OctetString::from(&b"L1"[..]),
            authorization_country_code: None,
            communication_identifier: CommunicationIdentifier {
                network_identifier: NetworkIdentifier {
                    operator_identifier: OctetString::from(&b"O"[..]),
                    network_element_identifier: None,
                    additions: Additions::NONE,
                },
                communication_identity_number: Some(7),
                delivery_country_code: None,
                additions: Additions::NONE,
            },
            sequence_number: number,
            time_stamp: None,
            interception_point_id: None,
            micro_second_time_stamp: None,
            time_stamp_qualifier: None,
            additions: Additions::NONE,
        };
        self.pdus.push(PsPdu { ps_header, payload });
        number
    }

    fn cc(&mut self, content: &str) -> u32 {
        self.push(Payload::CcPayloadSequence(vec![CcPayload {
            payload_direction: Some(PayloadDirection::ToTarget),
            time_stamp: None,
            cc_contents: CcContents::EmailCc(EmailCc {
                email_cc_obj_id: Profile::Current.object_id(ObjectIdOf::EmailCc),
                email_format: EmailFormat::Application,
                content: OctetString::from(content.as_bytes().to_vec()),
            }),
            micro_second_time_stamp: None,
            time_stamp_qualifier: None,
            additions: Additions::NONE,
        }]))
    }

    fn check(&mut self, check_type: CheckType, included: &[u32], value: &[u8]) -> u32 {
        let signature_algorithm = (check_type == CheckType::Signature).then_some(SignatureAlgorithm::EdDsa);
        self.push(Payload::TriPayload(TriPayload::IntegrityCheck(IntegrityCheck {
            included_sequence_numbers: included.to_vec(),
            check_type,
            data_type: Some(DataType::Cc),
            check_value: OctetString::from(value.to_vec()),
            hash_algorithm: Some(self.algorithm),
            signature_algorithm,
            additions: Additions::NONE,
        })))
    }

    fn hash(&mut self, included: &[u32]) -> u32 {
        let octets: Vec<u8> =
            included.iter().flat_map(|number| encode(&self.pdus[*number as usize]).unwrap()).collect();
        let value = match self.algorithm {
            HashAlgorithm::Sha384 => sha2::Sha384::digest(octets).to_vec(),
            HashAlgorithm::Sha512 => sha2::Sha512::digest(octets).to_vec(),
            HashAlgorithm::Sha1 => sha1::Sha1::digest(octets).to_vec(),
            _ => sha2::Sha256::digest(octets).to_vec(),
        };
        self.check(CheckType::Hash, included, &value)
    }

    fn sign(&mut self, included: &[u32]) -> u32 {
        let number = self.check(CheckType::Signature, included, &[]);
        let all = included.iter().copied().chain([number]);
        let signed: Vec<u8> = all
            .flat_map(|number| match &self.pdus[number as usize].payload {
                Payload::TriPayload(TriPayload::IntegrityCheck(check)) => encode_integrity_check(check).unwrap(),
                _ => panic!("no check"),
            })
            .collect();
        let Payload::TriPayload(TriPayload::IntegrityCheck(check)) = &mut self.pdus[number as usize].payload else {
            panic!("no check")
        };
        check.check_value = OctetString::from(key().sign(&signed).to_bytes().to_vec());
        number
    }
}

fn key() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[3; 32])
}

fn verifying(key: &ed25519_dalek::SigningKey) -> VerifyingKey {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
    VerifyingKey::read(file.path()).unwrap()
}

fn verify(pdus: &[PsPdu], key: Option<VerifyingKey>) -> (Verified, Vec<Problem>) {
    verify_within(pdus, key, VerifierLimits::default())
}

fn verify_within(pdus: &[PsPdu], key: Option<VerifyingKey>, limits: VerifierLimits) -> (Verified, Vec<Problem>) {
    let mut verifier = Verifier::new(key, limits);
    let mut problems = Vec::new();
    for pdu in pdus {
        problems.extend(verifier.take(&encode(pdu).unwrap(), pdu).into_iter().map(|finding| finding.problem));
    }
    let (verified, findings) = verifier.finish();
    problems.extend(findings.into_iter().map(|finding| finding.problem));
    (verified, problems)
}

/// Two hashes, over two PDUs each, and a signature over them.
fn sent() -> Vec<PsPdu> {
    let mut sender = Sender::new();
    let (a, b) = (sender.cc("one"), sender.cc("two"));
    let first = sender.hash(&[a, b]);
    let (c, d) = (sender.cc("three"), sender.cc("four"));
    let second = sender.hash(&[c, d]);
    sender.sign(&[first, second]);
    sender.pdus
}

#[test]
fn what_was_sent_is_clean_by_every_algorithm_also_when_it_comes_twice() {
    for algorithm in [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
        let mut sender = Sender { algorithm, ..Sender::new() };
        let number = sender.cc("one");
        sender.hash(&[number]);
        assert_eq!(verify(&sender.pdus, None).1, []);
    }
    let mut twice = sent();
    twice.extend(sent());
    let (verified, problems) = verify(&twice, Some(verifying(&key())));
    assert_eq!(problems, []);
    assert_eq!((verified.pdus, verified.hashes, verified.signatures, verified.signatures_unverified), (4, 2, 1, 0));
    assert!(verified.is_clean());
    assert_eq!(verify(&sent(), None).0.signatures_unverified, 1);
}

#[test]
fn a_missing_pdu_is_named() {
    let mut pdus = sent();
    pdus.remove(1);
    let (verified, problems) = verify(&pdus, Some(verifying(&key())));
    assert_eq!(problems, [Problem::Missing { check: 2, numbers: vec![1] }]);
    assert!(!verified.is_clean());
}

#[test]
fn an_altered_pdu_is_found_by_the_hash_over_it() {
    let mut pdus = sent();
    let other = sent().remove(3).payload;
    pdus[4].payload = other;
    let (verified, problems) = verify(&pdus, Some(verifying(&key())));
    assert_eq!(problems, [Problem::Altered { check: 5, numbers: vec![3, 4] }]);
    assert_eq!((verified.altered, verified.pdus), (1, 2));
}

#[test]
fn a_second_pdu_of_the_same_number_is_told_before_and_after_the_check() {
    for at in [1, 3] {
        let mut pdus = sent();
        let mut other = pdus[0].clone();
        other.payload = pdus[4].payload.clone();
        pdus.insert(at, other);
        let (verified, problems) = verify(&pdus, Some(verifying(&key())));
        assert_eq!(problems, [Problem::Twice { number: 0 }]);
        assert!(!verified.is_clean());
    }
}

#[test]
fn a_hash_that_was_made_anew_is_not_signed() {
    let mut pdus = sent();
    pdus[0].payload = pdus[1].payload.clone();
    let octets: Vec<u8> = pdus[..2].iter().flat_map(|pdu| encode(pdu).unwrap()).collect();
    let Payload::TriPayload(TriPayload::IntegrityCheck(check)) = &mut pdus[2].payload else { panic!() };
    check.check_value = OctetString::from(sha2::Sha256::digest(octets).to_vec());
    let (verified, problems) = verify(&pdus, Some(verifying(&key())));
    assert_eq!(problems, [Problem::Forged { check: 6, numbers: vec![2, 5] }]);
    assert!(!verified.is_clean());
    // Another's key says the same of the right ones.
    let others = verifying(&ed25519_dalek::SigningKey::from_bytes(&[4; 32]));
    assert_eq!(verify(&sent(), Some(others)).1, [Problem::Forged { check: 6, numbers: vec![2, 5] }]);
}

/// A `cINReset`, under a header like that of the others.
fn reset() -> PsPdu {
    let mut reset = sent().remove(0);
    reset.ps_header.communication_identifier.communication_identity_number = None;
    reset.payload = Payload::TriPayload(TriPayload::CinReset);
    reset
}

#[test]
fn a_reset_that_comes_over_the_other_interface_later_takes_nothing_away() {
    for at in 0..sent().len() {
        let mut pdus = sent();
        pdus.insert(0, reset());
        pdus.insert(at + 1, reset());
        let (verified, problems) = verify(&pdus, Some(verifying(&key())));
        assert_eq!(problems, [], "{at}");
        assert!(verified.is_clean() && verified.pdus == 4);
    }
}

#[test]
fn what_began_again_after_a_reset_is_verified_by_itself() {
    let mut pdus = sent();
    // A PDU that nothing covers any more, and then another under each number.
    let mut bare = pdus[0].clone();
    bare.ps_header.sequence_number = 7;
    pdus.extend([bare, reset()]);
    let mut again = Sender::new();
    let (a, b) = (again.cc("un"), again.cc("deux"));
    let hash = again.hash(&[a, b]);
    again.sign(&[hash]);
    pdus.extend(again.pdus);
    let (verified, problems) = verify(&pdus, Some(verifying(&key())));
    assert_eq!(problems, [Problem::Uncovered { numbers: vec![7] }]);
    assert_eq!((verified.pdus, verified.hashes, verified.signatures), (6, 3, 2));
    // Without the reset these are others under numbers that were there.
    pdus.retain(|pdu| !matches!(pdu.payload, Payload::TriPayload(TriPayload::CinReset)));
    assert!(verify(&pdus, None).1.contains(&Problem::Twice { number: 0 }));
}

#[test]
fn each_network_element_numbers_by_itself() {
    let of = |element: &str, point: Option<&str>| {
        let mut pdus = sent();
        for header in pdus.iter_mut().map(|pdu| &mut pdu.ps_header) {
            let network = &mut header.communication_identifier.network_identifier;
            network.network_element_identifier = Some(OctetString::from(element.as_bytes().to_vec()));
            header.interception_point_id = point.map(|point| point.to_owned().try_into().unwrap());
        }
        pdus
    };
    // Its header is hashed too, so that each is made anew.
    let sender = |element: &str, point: Option<&str>| {
        let mut sender = Sender { pdus: of(element, point), ..Sender::new() };
        let headers: Vec<PsHeader> = sender.pdus.iter().map(|pdu| pdu.ps_header.clone()).collect();
        sender.pdus.truncate(2);
        let hash = sender.hash(&[0, 1]);
        sender.pdus[hash as usize].ps_header = headers[hash as usize].clone();
        sender.pdus
    };
    let (east, west, point) = (sender("EAST", None), sender("WEST", None), sender("WEST", Some("P2")));
    let mixed: Vec<PsPdu> =
        east.into_iter().zip(west).zip(point).flat_map(|((east, west), point)| [east, west, point]).collect();
    let (verified, problems) = verify(&mixed, None);
    assert_eq!(problems, []);
    assert_eq!((verified.pdus, verified.hashes), (6, 3));
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(folder.path(), RecordSettings::default(), Box::new(std::io::sink())).unwrap();
    mixed.iter().for_each(|pdu| recorder.pdu(&encode(pdu).unwrap(), pdu).unwrap());
    let summary = recorder.finish().unwrap();
    assert_eq!((summary.duplicates, summary.gaps, summary.is_clean()), (0, 0, true), "{summary}");
    for name in ["L1-7@O@EAST.txt", "L1-7@O@WEST.txt", "L1-7@O@WEST@P2.txt"] {
        assert!(folder.path().join("sessions").join(name).exists(), "{name}");
    }
    let mut missing = mixed;
    missing.remove(1);
    let mut verifier = Verifier::new(None, VerifierLimits::default());
    let words: Vec<String> = missing
        .iter()
        .flat_map(|pdu| verifier.take(&encode(pdu).unwrap(), pdu))
        .map(|finding| finding.to_string())
        .collect();
    assert_eq!(words, ["L1@O@WEST cin 7 CC: PDU 0 missing: hashed by the check 2, and not there"]);
}

#[test]
fn a_check_that_is_gone_leaves_what_it_covered_bare() {
    let mut pdus = sent();
    pdus.remove(2);
    let (_, problems) = verify(&pdus, Some(verifying(&key())));
    assert_eq!(
        problems,
        [Problem::MissingHash { check: 6, numbers: vec![2] }, Problem::Uncovered { numbers: vec![0, 1] }]
    );
    let mut sender = Sender { pdus: sent(), ..Sender::new() };
    let last = sender.cc("five");
    let hash = sender.hash(&[last]);
    let (_, problems) = verify(&sender.pdus, Some(verifying(&key())));
    assert_eq!(problems, [Problem::Unsigned { numbers: vec![hash] }]);
}

#[test]
fn a_sender_without_checks_is_found_no_fault_with() {
    let mut sender = Sender::new();
    sender.cc("one");
    let (verified, problems) = verify(&sender.pdus, None);
    assert_eq!((problems.len(), verified.is_any(), verified.is_clean()), (0, false, true));
}

#[test]
fn what_is_held_has_a_limit_and_what_went_beyond_it_is_not_called_missing_for_sure() {
    let mut sender = Sender::new();
    let numbers: Vec<u32> = (0..10).map(|_| sender.cc("content")).collect();
    sender.hash(&numbers);
    for limits in [VerifierLimits { octets: 500, pdus: 1000 }, VerifierLimits { octets: 1 << 20, pdus: 4 }] {
        let (verified, problems) = verify_within(&sender.pdus, None, limits);
        assert!(matches!(problems[0], Problem::NotHeld { check: 10, .. }), "{problems:?}");
        assert!(verified.forgotten > 0 && verified.missing == 0 && !verified.is_clean());
    }
}

/// What a receiver counts of these.
fn recorded(pdus: &[PsPdu]) -> Summary {
    let folder = tempfile::tempdir().unwrap();
    let out = Box::new(std::io::sink());
    let mut recorder = Recorder::open(folder.path(), RecordSettings::default(), out).unwrap();
    pdus.iter().for_each(|pdu| recorder.pdu(&encode(pdu).unwrap(), pdu).unwrap());
    recorder.finish().unwrap()
}

#[test]
fn a_receiver_verifies_what_it_records() {
    let summary = recorded(&sent());
    assert_eq!((summary.verified.pdus, summary.verified.hashes, summary.missing), (4, 2, 0));
    let mut altered = sent();
    altered[4].payload = altered[3].payload.clone();
    let summary = recorded(&altered);
    assert_eq!((summary.verified.altered, summary.is_clean()), (1, false));
    assert!(summary.to_string().contains("1 altered"), "{summary}");
}

#[test]
fn without_the_key_no_number_of_an_encrypted_pdu_is_called_missing() {
    let mut sender = Sender::new();
    let number = sender.push(Payload::EncryptionContainer(EncryptionContainer {
        encryption_type: EncryptionType::Aes256Cbc,
        encrypted_payload: OctetString::from(vec![7; 32]),
        encrypted_payload_type: Some(EncryptedPayloadType::Part2),
        additions: Additions::NONE,
    }));
    sender.hash(&[number]);
    let summary = recorded(&sender.pdus);
    assert_eq!((summary.gaps, summary.missing, summary.tri), (0, 0, 1));
    assert_eq!((summary.verified.closed, summary.verified.hashes_closed, summary.verified.missing), (1, 1, 0));
}

#[test]
fn a_finding_says_whose_and_which() {
    let mut pdus = sent();
    pdus.remove(0);
    let mut verifier = Verifier::new(None, VerifierLimits::default());
    let findings: Vec<String> = pdus
        .iter()
        .flat_map(|pdu| verifier.take(&encode(pdu).unwrap(), pdu))
        .map(|finding| finding.to_string())
        .collect();
    assert_eq!(findings, ["L1 cin 7 CC: PDU 0 missing: hashed by the check 2, and not there"]);
}
