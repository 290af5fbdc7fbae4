//! What was agreed with an LEMF: integrity checks, encryption, aggregation, national parameters.

use std::time::Duration;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut as _, KeyIvInit as _};
use ed25519_dalek::Verifier as _;
use sha2::Digest as _;
use writ_etsi::{
    CheckType, DataType, EncryptionType, HashAlgorithm, IntegrityCheck, SignatureAlgorithm, decode_encrypted_payload,
    encode_integrity_check,
};

use super::*;
use crate::agreement::AgreementSettings;
use crate::agreement::tests::{read, signing_pem};
use crate::key_file::tests::write_kept;

fn agreed(profile: Profile, agreement: &str) -> Encoder {
    agreed_by(profile, &read(agreement))
}

fn agreed_by(profile: Profile, agreement: &AgreementSettings) -> Encoder {
    Encoder::agreed(&settings(), profile, agreement.open(profile).unwrap()).unwrap()
}

fn at(millis: u64) -> Time {
    TIME.after(Duration::from_millis(millis))
}

/// A record, or what one of CC holds: only a warrant gives the right to make such a record.
enum Step {
    Record(Record),
    Cc(u32, Time, &'static [u8]),
}

impl From<Record> for Step {
    fn from(record: Record) -> Self {
        Self::Record(record)
    }
}

fn cc_record(cin: u32, time: Time, content: &'static [u8]) -> Step {
    Step::Cc(cin, time, content)
}

/// Encodes records as a run does, the clock told before each.
fn run(encoder: &mut Encoder, steps: &[Step]) -> Vec<Pdu> {
    let mut pdus = Vec::new();
    for step in steps {
        match step {
            Step::Record(record) => {
                encoder.tick(record.time, &mut pdus).unwrap();
                encoder.encode(record, &mut pdus).unwrap();
            }
            Step::Cc(cin, time, content) => {
                encoder.tick(*time, &mut pdus).unwrap();
                let line = encoder.sequences.line("LIID-MAIL-0001", *cin, Interface::Hi3);
                let origin = Origin { mandate: &mandate("LIID-MAIL-0001"), line, time: *time };
                let content = Bytes::from_static(content);
                encoder
                    .cc(&origin, &content, &mut pdus, |encoder, octets| {
                        encoder.email_cc(Direction::FromTarget, CcFormat::Application, octets)
                    })
                    .unwrap();
            }
        }
    }
    pdus
}

fn check(pdu: &Pdu) -> Option<IntegrityCheck> {
    match decode(&pdu.octets).unwrap().payload {
        Payload::TriPayload(TriPayload::IntegrityCheck(check)) => Some(check),
        _ => None,
    }
}

fn closed(cin: u32, time: Time) -> Step {
    Record { time, ..record("LIID-MAIL-0001", cin, Body::Closed) }.into()
}

#[test]
fn a_hash_goes_after_so_many_pdus_and_is_over_their_octets_in_order() {
    for (profile, hash) in [(Profile::Current, Some(HashAlgorithm::Sha256)), (Profile::V331, None)] {
        let mut encoder = agreed(profile, "integrity.hash_pdus = 2");
        let pdus =
            run(&mut encoder, &[cc_record(1, at(0), b"a"), cc_record(1, at(0), b"b"), cc_record(1, at(0), b"c")]);
        assert_eq!(numbers(&pdus), [0, 1, 2, 3], "the hash has its place in the sequence");
        let check = check(&pdus[2]).unwrap();
        assert_eq!(check.included_sequence_numbers, [0, 1]);
        assert_eq!((check.check_type, check.data_type), (CheckType::Hash, Some(DataType::Cc)));
        assert_eq!((check.hash_algorithm, check.signature_algorithm), (hash, None));
        let both = [&pdus[0].octets[..], &pdus[1].octets[..]].concat();
        let expected =
            if hash.is_some() { sha2::Sha256::digest(&both).to_vec() } else { sha1::Sha1::digest(&both).to_vec() };
        assert_eq!(check.check_value[..], expected);
        assert_eq!((pdus[2].interface, pdus[2].kind), (Interface::Hi3, Kind::Tri));
    }
}

#[test]
fn a_hash_goes_after_a_time_of_quiet_and_at_the_end_of_a_communication() {
    let mut encoder = agreed(Profile::Current, "integrity = {}");
    let mut pdus =
        run(&mut encoder, &[cc_record(1, at(0), b"a"), cc_record(2, at(600), b"b"), cc_record(1, at(900), b"c")]);
    assert_eq!(pdus.len(), 3);
    encoder.tick(at(1599), &mut pdus).unwrap();
    assert_eq!(pdus.len(), 3, "nobody was quiet for a second");
    assert_eq!(encoder.next_due(), Some(at(1600)));
    encoder.tick(at(1600), &mut pdus).unwrap();
    assert_eq!((pdus.len(), check(&pdus[3]).unwrap().included_sequence_numbers), (4, vec![0]));
    encoder.tick(at(1900), &mut pdus).unwrap();
    assert_eq!((pdus.len(), check(&pdus[4]).unwrap().included_sequence_numbers), (5, vec![0, 1]));
    assert_eq!(encoder.next_due(), None);
    pdus.extend(run(&mut encoder, &[cc_record(1, at(2000), b"d"), closed(1, at(2001))]));
    assert_eq!(check(pdus.last().unwrap()).unwrap().included_sequence_numbers, [3]);
    assert_eq!(encoder.next_due(), Some(at(3000)), "when it is seen that nothing is left");
    encoder.tick(at(9000), &mut pdus).unwrap();
    assert_eq!((pdus.len(), encoder.next_due()), (7, None));
}

#[test]
fn iri_and_cc_are_hashed_apart_and_messages_and_flags_with_them_unless_agreed_otherwise() {
    for (cover, expected) in [("all", vec![0, 1]), ("records", vec![0])] {
        let mut encoder = agreed(Profile::Current, &format!("integrity.cover = \"{cover}\""));
        let notice = record("LIID-MAIL-0001", 1, Body::Notice(Notice::SessionDropped)).into();
        let pdus = run(&mut encoder, &[iri_record(1).into(), notice, cc_record(1, TIME, b"x"), closed(1, TIME)]);
        let checks: Vec<_> = pdus.iter().filter_map(check).collect();
        assert_eq!(checks.len(), 2);
        assert_eq!((checks[0].data_type, &checks[0].included_sequence_numbers), (Some(DataType::Iri), &expected));
        assert_eq!((checks[1].data_type, &checks[1].included_sequence_numbers), (Some(DataType::Cc), &vec![0]));
    }
}

#[test]
fn a_signature_goes_over_so_many_hashes_and_after_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    write_kept(&file, signing_pem());
    let text = format!("[integrity]\nhash_pdus = 1\nsign_hashes = 2\nsigning_key = {file:?}");
    let mut encoder = agreed(Profile::Current, &text);
    let mut pdus =
        run(&mut encoder, &[cc_record(1, at(0), b"a"), cc_record(1, at(0), b"b"), cc_record(1, at(5), b"c")]);
    assert_eq!(numbers(&pdus), [0, 1, 2, 3, 4, 5, 6]);
    let signature = check(&pdus[4]).unwrap();
    assert_eq!(signature.included_sequence_numbers, [1, 3]);
    assert_eq!((signature.check_type, signature.data_type), (CheckType::Signature, Some(DataType::Cc)));
    assert_eq!(signature.signature_algorithm, Some(SignatureAlgorithm::EdDsa));
    let mut signed = Vec::new();
    for hash in [&pdus[1], &pdus[3]] {
        signed.extend(encode_integrity_check(&check(hash).unwrap()).unwrap());
    }
    let value = ed25519_dalek::Signature::from_slice(&signature.check_value).unwrap();
    signed
        .extend(encode_integrity_check(&IntegrityCheck { check_value: OctetString::default(), ..signature }).unwrap());
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
    key.verify(&signed, &value).unwrap();
    // The third hash has 30 s until its own.
    encoder.tick(at(30_004), &mut pdus).unwrap();
    assert_eq!(pdus.len(), 7);
    encoder.tick(at(30_005), &mut pdus).unwrap();
    assert_eq!(check(&pdus[7]).unwrap().included_sequence_numbers, [6]);
    assert_eq!(encoder.next_due(), None);
}

#[test]
fn what_has_no_check_at_the_end_gets_one() {
    let mut encoder = agreed(Profile::Current, "integrity = {}\naggregate = {}");
    let mut pdus = run(&mut encoder, &[cc_record(1, at(0), b"a"), cc_record(2, at(0), b"b")]);
    assert!(pdus.is_empty());
    encoder.finish(&mut pdus).unwrap();
    let kinds: Vec<Kind> = pdus.iter().map(|pdu| pdu.kind).collect();
    assert_eq!(kinds, [Kind::Cc, Kind::Cc, Kind::Tri, Kind::Tri]);
    let again = pdus.len();
    encoder.finish(&mut pdus).unwrap();
    assert_eq!(pdus.len(), again);
}

#[test]
fn iri_and_cc_are_encrypted_and_the_byte_counter_says_what_went_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let key: Vec<u8> = (0..32).collect();
    write_kept(&file, key.iter().map(|octet| format!("{octet:02x}")).collect::<String>());
    let mut encoder = agreed(Profile::Current, &format!("[encryption]\ncipher = \"aes-256-cbc\"\nkey_file = {file:?}"));
    let mut plain = encoder_without_agreement();
    let notice = || record("LIID-MAIL-0001", 1, Body::Notice(Notice::SessionDropped)).into();
    let records = [iri_record(1).into(), cc_record(1, TIME, b"secret"), notice(), cc_record(1, TIME, b"another")];
    let (sealed, open) = (run(&mut encoder, &records), run(&mut plain, &records));
    assert_eq!(sealed.len(), open.len());
    let mut before = TIME.seconds() << 32;
    for (sealed, open) in sealed.iter().zip(&open) {
        let (is, was) = (decode(&sealed.octets).unwrap(), decode(&open.octets).unwrap());
        assert!(is.ps_header == was.ps_header && sealed.kind == open.kind);
        if let Payload::EncryptionContainer(container) = is.payload {
            assert_eq!(container.encryption_type, EncryptionType::Aes256Cbc);
            let vector = is.ps_header.sequence_number.to_be_bytes().repeat(4);
            let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(&key, &vector).unwrap();
            let octets = cipher.decrypt_padded_vec_mut::<Pkcs7>(&container.encrypted_payload).unwrap();
            let inside = decode_encrypted_payload(&octets).unwrap();
            assert!(inside.payload == was.payload);
            assert_eq!(inside.byte_counter, before);
        } else {
            assert_eq!(sealed.kind, Kind::Tri, "messages are in the clear");
            assert_eq!(sealed.octets, open.octets);
        }
        before += sealed.octets.len() as u64;
        assert!(!sealed.octets.windows(6).any(|octets| octets == b"secret"));
    }
}

fn encoder_without_agreement() -> Encoder {
    encoder(Profile::Current)
}

/// Seconds and microseconds, where there is a time.
type Stamp = Option<(u64, u32)>;

/// The content of each payload, and its own time.
fn contents(pdu: &Pdu) -> Vec<(Vec<u8>, Stamp)> {
    let Payload::CcPayloadSequence(pieces) = decode(&pdu.octets).unwrap().payload else { panic!("no CC") };
    let time =
        |piece: &CcPayload| piece.micro_second_time_stamp.as_ref().map(|time| (time.seconds, time.micro_seconds));
    pieces
        .iter()
        .map(|piece| match &piece.cc_contents {
            CcContents::EmailCc(cc) => (cc.content.to_vec(), time(piece)),
            _ => panic!("no EmailCC"),
        })
        .collect()
}

#[test]
fn payloads_of_one_communication_go_together_with_their_own_times() {
    let mut encoder = agreed(Profile::Current, "aggregate.delay = 0.5");
    let mut pdus =
        run(&mut encoder, &[cc_record(1, at(0), b"a"), cc_record(2, at(1), b"z"), cc_record(1, at(400), b"b")]);
    assert_eq!((pdus.len(), encoder.next_due()), (0, Some(at(500))));
    encoder.tick(at(500), &mut pdus).unwrap();
    assert_eq!(pdus.len(), 1, "the other has a millisecond left");
    encoder.tick(at(501), &mut pdus).unwrap();
    let stamp = |millis| Some((at(millis).seconds(), at(millis).subsec_micros()));
    assert_eq!(contents(&pdus[0]), [(b"a".to_vec(), stamp(0)), (b"b".to_vec(), stamp(400))]);
    assert_eq!(contents(&pdus[1]), [(b"z".to_vec(), None)], "one that is alone has the time of the header");
    assert_eq!(pdus[0].time, at(0));
    assert_eq!(numbers(&pdus), [0, 0]);
}

#[test]
fn payloads_go_when_there_is_no_room_for_another_and_before_what_must_not_overtake_them() {
    let content: &'static [u8] = &[b'x'; 300];
    let mut encoder = agreed(Profile::Current, "aggregate.octets = 1000");
    let pdus = run(&mut encoder, &[0; 4].map(|_| cc_record(1, TIME, content)));
    assert_eq!((pdus.len(), contents(&pdus[0]).len()), (1, 2), "a third would make it more than 1000 octets");
    // Content that is segmented, a message, and the end: each after what waits.
    let long: &'static [u8] = Vec::leak(vec![b'y'; 64_001]);
    let more = run(&mut encoder, &[cc_record(1, TIME, long), iri_record(1).into(), iri_record(1).into()]);
    assert_eq!(contents(&more[0]).len(), 2);
    assert_eq!(more[1..].iter().map(|pdu| pdu.kind).collect::<Vec<_>>(), [Kind::Tri, Kind::Cc, Kind::Cc, Kind::Tri]);
    let notice = record("LIID-MAIL-0001", 1, Body::Notice(Notice::SessionDropped)).into();
    let last = run(&mut encoder, &[notice, iri_record(1).into(), closed(1, TIME)]);
    assert_eq!(last.iter().map(|pdu| pdu.kind).collect::<Vec<_>>(), [Kind::Iri, Kind::Tri, Kind::Iri]);
    assert_eq!((encoder.sequences(), encoder.next_due().is_some()), (0, true));
}

#[test]
fn records_that_go_together_have_a_time_in_either_profile() {
    for profile in [Profile::Current, Profile::V331] {
        let mut encoder = agreed(profile, "aggregate = {}");
        let pdus = run(
            &mut encoder,
            &[iri_record(1).into(), Record { time: at(250), ..iri_record(1) }.into(), closed(1, at(250))],
        );
        assert_eq!(pdus.len(), 1);
        let Payload::IriPayloadSequence(records) = decode(&pdus[0].octets).unwrap().payload else { panic!("no IRI") };
        assert_eq!(records.len(), 2);
        match profile {
            Profile::Current => {
                let times = records.iter().map(|record| record.micro_second_time_stamp.as_ref().unwrap());
                let times: Vec<_> = times.map(|time| (time.seconds, time.micro_seconds)).collect();
                assert_eq!(times, [(1_351_782_000, 123_456), (1_351_782_000, 373_456)]);
            }
            Profile::V331 => {
                let times: Vec<String> =
                    records.iter().map(|record| record.time_stamp.as_ref().unwrap().to_string()).collect();
                assert!(times[0].contains(".123456") && times[1].contains(".373456"), "{times:?}");
                assert!(records.iter().all(|record| record.micro_second_time_stamp.is_none()));
            }
        }
    }
}

#[test]
fn national_parameters_are_in_every_record_of_iri() {
    let text = "national_parameter = \"0aFF\"\nnational_country = \"NL\"\nnational_values = \"8201058a00\"";
    for profile in [Profile::Current, Profile::V331] {
        let mut encoder = agreed(profile, text);
        let pdus = pdus(&mut encoder, &iri_record(1));
        let iri = email_iri(&pdus[0]);
        assert_eq!(iri.national_parameter.as_deref(), Some(&[0x0a, 0xff][..]));
        let national = iri.national_em_asn1_parameters.as_ref().unwrap();
        assert_eq!(national.country_code.as_bytes(), b"NL");
        let values: Vec<&[u8]> = national.additions.values().iter().map(|value| value.octets()).collect();
        assert_eq!(values, [&[0x82, 1, 5][..], &[0x8a, 0]]);
    }
}
