//! Contents of unified messaging: each becomes a file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::fs;

use support::*;
use tempfile::TempDir;
use writ_etsi::*;
use writ_lemf::Summary;
use writ_lemf::record::{RecordSettings, Recorder};

fn record(pdus: &[PsPdu]) -> (TempDir, Summary, String) {
    let root = tempfile::tempdir().unwrap();
    let lines = Lines::default();
    let mut recorder = Recorder::open(root.path(), RecordSettings::default(), Box::new(lines.clone())).unwrap();
    for pdu in pdus {
        recorder.pdu(&encode(pdu).unwrap(), pdu).unwrap();
    }
    (root, recorder.finish().unwrap(), lines.text())
}

fn content(root: &TempDir, name: &str) -> Vec<u8> {
    fs::read(root.path().join("contents").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn transcript(root: &TempDir) -> String {
    fs::read_to_string(root.path().join("sessions/W-1.txt")).unwrap()
}

#[test]
fn whole_contents_are_files_of_their_own() {
    let mut sender = Sender::new("W", 1);
    let pdus = [
        sender.messaging(1, None, None, b"a"),
        sender.messaging(2, Some(0), None, b"b"),
        sender.messaging(2, Some(1), None, b"c"),
        sender.messaging(2, Some(1), None, b"d"),
    ];
    let (root, summary, _) = record(&pdus);
    assert_eq!(names(root.path().join("contents")), ["W-1-e1.wav", "W-1-e2-0.wav", "W-1-e2-1.1.wav", "W-1-e2-1.wav"]);
    assert_eq!((content(&root, "W-1-e2-1.wav"), content(&root, "W-1-e2-1.1.wav")), (b"c".to_vec(), b"d".to_vec()));
    assert_eq!((summary.contents, summary.is_clean()), (4, true));
    assert!(transcript(&root).contains("I: (content of event 2, number 0, 1 octets, in W-1-e2-0.wav)"));
}

#[test]
fn pieces_are_put_together_to_their_end() {
    let mut sender = Sender::new("W", 1);
    let pdus = [
        sender.messaging(1, Some(0), Some((0, false)), b"one"),
        sender.messaging(1, Some(1), Some((0, false)), b"other"),
        sender.messaging(1, Some(0), Some((1, false)), b"two"),
        sender.messaging(1, Some(0), Some((2, true)), b"three"),
    ];
    let (root, summary, _) = record(&pdus);
    assert_eq!(content(&root, "W-1-e1-0.wav"), b"onetwothree");
    assert_eq!(content(&root, "W-1-e1-1.wav.incomplete"), b"other");
    assert_eq!((summary.contents, summary.contents_incomplete), (1, 1));
    assert!(transcript(&root).contains("!: content of event 1, number 1 is not complete: 5 octets"));
}

#[test]
fn a_piece_that_is_missing_is_said_so() {
    let mut sender = Sender::new("W", 1);
    let pdus = [
        sender.messaging(1, None, Some((0, false)), b"a"),
        sender.messaging(1, None, Some((3, false)), b"d"),
        sender.messaging(1, None, Some((1, false)), b"b"),
        sender.messaging(1, None, Some((4, true)), b"e"),
    ];
    let (root, summary, _) = record(&pdus);
    assert_eq!(content(&root, "W-1-e1.wav"), b"ade");
    assert_eq!((summary.contents_with_gaps, summary.is_clean()), (1, false));
    let transcript = transcript(&root);
    assert!(transcript.contains("!: content of event 1: pieces 1 to 2 are missing"), "{transcript}");
    assert!(transcript.contains("!: content of event 1: piece 1 came late: see pdus.etsi"), "{transcript}");
}

#[test]
fn a_content_in_segments_is_one() {
    let mut sender = Sender::new("W", 1);
    let flag = |sender: &mut Sender, flag: TriPayload| sender.hi3(Payload::TriPayload(flag));
    let pdus = [
        flag(&mut sender, TriPayload::FirstSegmentFlag),
        sender.messaging(1, None, None, b"a"),
        sender.messaging(1, None, None, b"b"),
        flag(&mut sender, TriPayload::LastSegmentFlag),
        flag(&mut sender, TriPayload::FirstSegmentFlag),
        sender.messaging(2, None, Some((0, false)), b"c"),
        sender.messaging(2, None, Some((0, false)), b"d"),
        flag(&mut sender, TriPayload::LastSegmentFlag),
        sender.messaging(2, None, Some((1, true)), b"e"),
    ];
    let (root, summary, _) = record(&pdus);
    assert_eq!((content(&root, "W-1-e1.wav"), content(&root, "W-1-e2.wav")), (b"ab".to_vec(), b"cde".to_vec()));
    assert_eq!((summary.contents, summary.is_clean(), summary.packets), (2, true, 0));
}

#[test]
fn an_event_is_shown_with_who_took_part() {
    let msisdn =
        MessagingPartyIdentity::Msisdn(asn1::OctetString::from(&[0x91, 0x13, 0x16, 0x32, 0x54, 0x76, 0xf8][..]));
    let party = |party_qualifier, party_identity| MessagingPartyInformation {
        party_qualifier,
        party_identity,
        party_validity: None,
        copy_qualifier: None,
        additions: asn1::Additions::NONE,
    };
    let iri = MessagingIri {
        messaging_iri_obj_id: Profile::Current.object_id(ObjectIdOf::MessagingIri),
        system_type: MessagingSystemType::UnifiedMessaging,
        system_identifier: None,
        category: Some(MessagingEventCategory::Message(MessagingEvent::Deposit)),
        status: MessagingStatus::OperationSucceeded,
        party_information: Some(vec![
            party(MessagingPartyQualifier::Originating, msisdn),
            party(MessagingPartyQualifier::Terminating, MessagingPartyIdentity::Alphanumeric("B\u{1b}ank".into())),
        ]),
        trigger: MessagingTrigger::User,
        properties: None,
        event_identifier: Some(7),
        original_message: None,
        box_identifier: Some(asn1::OctetString::from(&b"1001"[..])),
        total_recipient_count: None,
        additions: asn1::Additions::NONE,
    };
    let pdu = Sender::new("W", 1).hi2(Payload::IriPayloadSequence(vec![IriPayload {
        iri_type: Some(IriType::Report),
        time_stamp: None,
        iri_contents: IriContents::MessagingIri(Box::new(iri)),
        micro_second_time_stamp: None,
        time_stamp_qualifier: None,
        additions: asn1::Additions::NONE,
    }]));
    let (_, _, lines) = record(std::slice::from_ref(&pdu));
    let expected = "IRI Report messaging message deposit operation-succeeded event 7 from <+31612345678> to <B\\u{1b}ank> box 1001";
    assert!(lines.contains(expected), "{lines}");
    let json = writ_lemf::show::json(&pdu).to_string();
    assert!(json.contains(r#"{"msisdn":{"hex":"911316325476f8","number":"+31612345678"}}"#), "{json}");
}
