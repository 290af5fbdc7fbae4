//! What becomes of PDUs on the disk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use support::*;
use tempfile::TempDir;
use writ_etsi::*;
use writ_lemf::Summary;
use writ_lemf::record::{RecordLimits, RecordSettings, Recorder, StoreError};

fn record_into(root: &Path, settings: RecordSettings, pdus: &[PsPdu]) -> (Summary, String) {
    let lines = Lines::default();
    let mut recorder = Recorder::open(root, settings, Box::new(lines.clone())).unwrap();
    for pdu in pdus {
        recorder.pdu(&encode(pdu).unwrap(), pdu).unwrap();
    }
    (recorder.finish().unwrap(), lines.text())
}

fn record(pdus: &[PsPdu]) -> (TempDir, Summary, String) {
    let root = tempfile::tempdir().unwrap();
    let (summary, lines) = record_into(root.path(), RecordSettings::default(), pdus);
    (root, summary, lines)
}

fn message(root: &TempDir, name: &str) -> Vec<u8> {
    fs::read(root.path().join("messages").join(name)).unwrap()
}

const MESSAGE: &[u8] = b"From: alice@example.org\r\nSubject: x\r\n\r\n.dot\r\n..two\r\n.\r\nbare\nLF\n.\nafter\n\r\n\
    250 looks like a reply\r\nDATA\r\nnul \0 and \xff\r\n";

#[test]
fn a_message_sent_with_data_is_the_message() {
    for cut in [1, 2, 3, 7, 64, 10_000] {
        let pdus = data_session(&mut Sender::new("MAIL-0001", 1), MESSAGE, cut);
        let (root, summary, _) = record(&pdus);
        assert_eq!(message(&root, "MAIL-0001-1-1.eml"), MESSAGE, "cut at {cut}");
        assert_eq!((summary.messages, summary.messages_incomplete, summary.messages_refused), (1, 0, 0));
        assert!(summary.is_clean());
        assert_eq!(fs::read(root.path().join("pdus.etsi")).unwrap(), octets(&pdus));
    }
}

fn is_cc(pdu: &PsPdu) -> bool {
    matches!(pdu.payload, Payload::CcPayloadSequence(_))
}

/// IRI and CC come by connections of their own.
#[test]
fn an_event_may_come_anywhere_in_the_content() {
    let event = |sender: &mut Sender, protocol| {
        let mut pdu = sender.event(EmailEvent::Logon, IriType::Begin);
        let Payload::IriPayloadSequence(payloads) = &mut pdu.payload else { panic!("an event") };
        let IriContents::EmailIri(iri) = &mut payloads[0].iri_contents else { panic!("of mail") };
        iri.protocol_id = protocol;
        pdu
    };
    let mut sender = Sender::new("MAIL-0001", 1);
    let smtp: Vec<_> = data_session(&mut sender, MESSAGE, 64).into_iter().filter(is_cc).collect();
    for at in 0..=smtp.len() {
        let mut pdus = smtp.clone();
        pdus.insert(at, event(&mut Sender::new("MAIL-0001", 1), EmailProtocol::Smtp));
        let (root, summary, _) = record(&pdus);
        assert_eq!(message(&root, "MAIL-0001-1-1.eml"), MESSAGE, "event at {at}");
        assert_eq!((summary.messages, summary.messages_incomplete), (1, 0), "event at {at}");
    }

    let mail = b"From: bob@example.net\r\n\r\nHello\r\n";
    let pop3 = |sender: &mut Sender| {
        vec![
            sender.cc_from_target(b"AUTH PLAIN AA==\r\n"),
            sender.cc_to_target(b"+OK\r\n"),
            sender.cc_from_target(b"RETR 1\r\n"),
            sender.cc_to_target(&[b"+OK\r\n", &mail[..10]].concat()),
            sender.cc_to_target(&[&mail[10..], b".\r\n"].concat()),
            sender.cc_from_target(b"QUIT\r\n"),
            sender.cc_to_target(b"+OK\r\n"),
        ]
    };
    let imap = |sender: &mut Sender| {
        let literal = format!("* 1 FETCH (BODY[] {{{}}}\r\n", mail.len());
        vec![
            sender.cc_from_target(b"a1 LOGIN x y\r\n"),
            sender.cc_to_target(b"a1 OK\r\n"),
            sender.cc_from_target(b"a2 FETCH 1 BODY[]\r\n"),
            sender.cc_to_target(&[literal.as_bytes(), &mail[..10]].concat()),
            sender.cc_to_target(&[&mail[10..], b")\r\na2 OK\r\n"].concat()),
        ]
    };
    for (protocol, content) in [
        (EmailProtocol::Pop3, pop3(&mut Sender::new("MAIL-0001", 1))),
        (EmailProtocol::Imap4, imap(&mut Sender::new("MAIL-0001", 1))),
    ] {
        for at in 0..=content.len() {
            let mut pdus = content.clone();
            pdus.insert(at, event(&mut Sender::new("MAIL-0001", 1), protocol));
            let (root, summary, _) = record(&pdus);
            assert_eq!(message(&root, "MAIL-0001-1-1.eml"), mail, "{protocol:?}, event at {at}");
            assert_eq!((summary.messages, summary.messages_incomplete), (1, 0), "{protocol:?}, event at {at}");
        }
    }
}

#[test]
fn a_message_sent_in_chunks_is_the_message() {
    let mut sender = Sender::new("MAIL-0001", 1);
    let (first, rest) = MESSAGE.split_at(20);
    let (second, third) = rest.split_at(33);
    let chunk = |octets: &[u8], last: &str| [format!("BDAT {}{last}\r\n", octets.len()).as_bytes(), octets].concat();
    // The second chunk's octets begin in one PDU and end in another, together with the third command.
    let second = chunk(second, "");
    let (half, other) = second.split_at(25);
    let pdus = [
        sender.cc_from_target(b"MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\n"),
        sender.cc_to_target(b"250 Ok\r\n250 Ok\r\n"),
        sender.cc_from_target(&chunk(first, "")),
        sender.cc_to_target(b"250 Ok\r\n"),
        sender.cc_from_target(half),
        sender.cc_from_target(&[other, &chunk(third, " LAST")].concat()),
        sender.cc_to_target(b"250 Ok\r\n250 queued\r\n"),
    ];
    let (root, summary, _) = record(&pdus);
    assert_eq!(message(&root, "MAIL-0001-1-1.eml"), MESSAGE);
    assert_eq!(summary.messages, 1);
}

#[test]
fn the_client_is_found_where_the_target_receives() {
    let mut sender = Sender::new("MAIL-0001", 1);
    // The client's octets go towards the target, and no event has come that would say so.
    let pdus = [
        sender.cc_to_target(b"MAIL FROM:<a@b>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"),
        sender.cc_from_target(b"250 Ok\r\n250 Ok\r\n354 go\r\n"),
        sender.cc_to_target(b"Subject: x\r\n\r\n..\r\n.\r\n"),
        sender.cc_from_target(b"250 queued\r\n"),
        sender.event(EmailEvent::Receive, IriType::Report),
    ];
    let (root, ..) = record(&pdus);
    assert_eq!(message(&root, "MAIL-0001-1-1.eml"), b"Subject: x\r\n\r\n.\r\n");
    let transcript = fs::read_to_string(root.path().join("sessions/MAIL-0001-1.txt")).unwrap();
    assert!(transcript.contains(" C: MAIL FROM:<a@b>\n") && transcript.contains(" S: 354 go\n"), "{transcript}");
}

#[test]
fn a_transcript_has_both_sides_times_and_events() {
    let (root, _, lines) =
        record(&data_session(&mut Sender::new("MAIL-0001", 7), b"Subject: x\r\n\r\nhello\r\n", 1000));
    let transcript = fs::read_to_string(root.path().join("sessions/MAIL-0001-7.txt")).unwrap();
    let event = |kind| {
        format!(
            "I: IRI {kind} smtp 192.0.2.10:51234 > [2001:db8::25]:25 from <alice@example.org> to \
        <bob@example.net> and 1 more id <1234@example.org>"
        )
    };
    let send = format!("{} operation-succeeded octets 4096/312", event("Continue e-mail-send"));
    assert_eq!(
        transcript.lines().collect::<Vec<_>>(),
        [
            format!("2026-01-01T00:00:01.250000Z {} octets 4096/312", event("Begin e-mail-logon")).as_str(),
            "2026-01-01T00:00:02.250000Z C: MAIL FROM:<alice@example.org>",
            "2026-01-01T00:00:02.250000Z C: RCPT TO:<bob@example.net>",
            "2026-01-01T00:00:02.250000Z C: DATA",
            "2026-01-01T00:00:03.250000Z S: 250 2.1.0 Ok",
            "2026-01-01T00:00:03.250000Z S: 250 2.1.5 Ok",
            "2026-01-01T00:00:03.250000Z S: 354 End data with <CR><LF>.<CR><LF>",
            "2026-01-01T00:00:04.250000Z C: (message of 21 octets in MAIL-0001-7-1.eml)",
            "2026-01-01T00:00:05.250000Z S: 250 2.0.0 Ok: queued",
            format!("2026-01-01T00:00:06.250000Z {send}").as_str(),
            format!("2026-01-01T00:00:07.250000Z {} octets 4096/312", event("End e-mail-logoff")).as_str(),
        ]
    );
    assert_eq!(lines.lines().count(), 7, "a line a record");
    assert!(lines.starts_with("2026-01-01T00:00:01.250000Z MAIL-0001 cin 7 seq 0 IRI Begin e-mail-logon"), "{lines}");
}

#[test]
fn messages_that_were_refused_or_broke_off_are_named_so() {
    let mut sender = Sender::new("L", 1);
    let pdus = [
        sender.cc_from_target(b"MAIL FROM:<a@b>\r\nDATA\r\n"),
        sender.cc_to_target(b"250 Ok\r\n354 go\r\n"),
        sender.cc_from_target(b"one\r\n.\r\nMAIL FROM:<a@b>\r\nDATA\r\n"),
        sender.cc_to_target(b"554 no\r\n250 Ok\r\n354 go\r\n"),
        sender.cc_from_target(b"two\r\n"),
    ];
    let (root, summary, _) = record(&pdus);
    assert_eq!(names(root.path().join("messages")), ["L-1-1.refused.eml", "L-1-2.incomplete.eml"]);
    assert_eq!(message(&root, "L-1-1.refused.eml"), b"one\r\n");
    assert_eq!(message(&root, "L-1-2.incomplete.eml"), b"two\r\n");
    assert_eq!((summary.messages, summary.messages_refused, summary.messages_incomplete), (0, 1, 1));
}

#[test]
fn packets_become_a_capture() {
    let mut sender = Sender::new("L", 1);
    let packet = |length: u8| {
        let mut packet = vec![0u8; length.into()];
        (packet[0], packet[3]) = (0x45, length);
        packet
    };
    let content = |sender: &mut Sender, octets: &[u8]| {
        sender.content(PayloadDirection::FromTarget, EmailFormat::IpPacket, octets)
    };
    let flag = |sender: &mut Sender, flag| sender.hi3(Payload::TriPayload(flag));
    let long = packet(100);
    let pdus = [
        content(&mut sender, &packet(40)),
        flag(&mut sender, TriPayload::FirstSegmentFlag),
        content(&mut sender, &long[..60]),
        content(&mut sender, &long[60..]),
        flag(&mut sender, TriPayload::LastSegmentFlag),
        content(&mut sender, &packet(41)),
    ];
    let (root, summary, _) = record(&pdus);
    let capture = fs::read(root.path().join("packets/L-1.pcap")).unwrap();
    assert_eq!(summary.packets, 3);
    assert!(summary.is_clean());
    assert_eq!(capture.len(), 24 + 3 * 16 + 40 + 100 + 41);
    assert_eq!(capture[24 + 16 + 40 + 16..][..100], long);
    assert!(names(root.path().join("messages")).is_empty());
}

#[test]
fn segment_flags_without_their_counterpart_are_counted() {
    let mut sender = Sender::new("L", 1);
    let mut flag = |flag| sender.hi3(Payload::TriPayload(flag));
    let pdus =
        [flag(TriPayload::LastSegmentFlag), flag(TriPayload::FirstSegmentFlag), flag(TriPayload::FirstSegmentFlag)];
    let (_, summary, _) = record(&pdus);
    // One last without first, one first within another, one first at the end of the session.
    assert_eq!(summary.segment_faults, 3);
}

#[test]
fn a_message_in_segments_is_the_message() {
    let mut sender = Sender::new("L", 1);
    let mut pdus = vec![
        sender.cc_from_target(b"MAIL FROM:<a@b>\r\nDATA\r\n"),
        sender.cc_to_target(b"250 Ok\r\n354 go\r\n"),
        sender.hi3(Payload::TriPayload(TriPayload::FirstSegmentFlag)),
    ];
    pdus.extend(stuff(MESSAGE).chunks(50).map(|piece| sender.cc_from_target(piece)));
    pdus.push(sender.hi3(Payload::TriPayload(TriPayload::LastSegmentFlag)));
    pdus.push(sender.cc_to_target(b"250 Ok\r\n"));
    let (root, summary, _) = record(&pdus);
    assert_eq!(message(&root, "L-1-1.eml"), MESSAGE);
    assert!(summary.is_clean());
}

#[test]
fn numbers_out_of_order_are_found() {
    let mut pdus = data_session(&mut Sender::new("L", 1), MESSAGE, 20);
    let count = pdus.len();
    assert!(count > 9);
    // One lost, two exchanged, one twice; all of them CC.
    let lost = pdus.remove(3);
    assert!(matches!(lost.payload, Payload::CcPayloadSequence(_)));
    pdus.swap(5, 6);
    let twice = pdus[2].clone();
    pdus.insert(3, twice);
    let (root, summary, lines) = record(&pdus);
    assert_eq!(summary.duplicates, 1);
    assert_eq!(summary.late, 1);
    assert_eq!((summary.gaps, summary.missing), (2, 2), "one for good, one until it came late");
    assert!(!summary.is_clean());
    assert!(lines.contains("! L cin 1 HI3: expected number 2, found 3: 1 missing"), "{lines}");
    assert!(lines.contains("! L cin 1 HI3: number 1 came again"), "{lines}");
    let transcript = fs::read_to_string(root.path().join("sessions/L-1.txt")).unwrap();
    assert!(transcript.contains(" !: HI3: expected number 2, found 3: 1 missing"), "{transcript}");
}

#[test]
fn what_comes_twice_is_taken_in_once() {
    let session = data_session(&mut Sender::new("L", 1), MESSAGE, 1000);
    // As after a reconnection: all of it again.
    let (root, summary, _) = record(&[session.clone(), session.clone()].concat());
    assert_eq!(names(root.path().join("messages")), ["L-1-1.eml"]);
    assert_eq!(summary.duplicates, session.len() as u64);
    assert_eq!(summary.messages, 1);
}

#[test]
fn two_communications_do_not_mix() {
    let first = data_session(&mut Sender::new("L", 1), MESSAGE, 10);
    let second = data_session(&mut Sender::new("M", 1), b"other\r\n", 1);
    let mut pdus = vec![];
    for index in 0..first.len().max(second.len()) {
        pdus.extend(first.get(index).cloned());
        pdus.extend(second.get(index).cloned());
    }
    let (root, summary, _) = record(&pdus);
    assert_eq!(message(&root, "L-1-1.eml"), MESSAGE);
    assert_eq!(message(&root, "M-1-1.eml"), b"other\r\n");
    assert!(summary.is_clean());
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let root = tempfile::tempdir().unwrap();
    let mut sender = Sender::new("L", 1);
    let first = data_session(&mut sender, MESSAGE, 1000);
    let second = data_session(&mut sender, b"second\r\n", 1000);
    let (before, _) = record_into(root.path(), RecordSettings::default(), &first);
    assert!(before.is_clean());
    // The run before this one ended in the middle of writing a PDU.
    let path = root.path().join("pdus.etsi");
    let mut stored = fs::read(&path).unwrap();
    stored.extend(&encode(&second[0]).unwrap()[..30]);
    fs::write(&path, stored).unwrap();

    let (after, _) = record_into(root.path(), RecordSettings::default(), &second);
    assert!(after.is_clean(), "{after}");
    assert_eq!(after.gaps, 0);
    assert_eq!(names(root.path().join("messages")), ["L-1-1.eml", "L-1-2.eml"]);
    assert_eq!(fs::read(&path).unwrap(), octets(&[first, second].concat()));
    let transcript = fs::read_to_string(root.path().join("sessions/L-1.txt")).unwrap();
    assert_eq!(transcript.matches("C: MAIL FROM").count(), 2);
}

#[test]
fn a_store_that_is_none_is_not_appended_to() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("pdus.etsi"), b"no PDUs here").unwrap();
    let opened = Recorder::open(root.path(), RecordSettings::default(), Box::new(Lines::default()));
    assert!(matches!(opened, Err(StoreError::NotPdus { .. })));
}

#[test]
fn names_from_the_wire_stay_in_the_store() {
    let outside = tempfile::tempdir().unwrap();
    let root = outside.path().join("store");
    let mut recorder = Recorder::open(&root, RecordSettings::default(), Box::new(Lines::default())).unwrap();
    for liid in ["../../escape", "/etc/x", "..", ".", "a/b", "x\0y", "", "%", "L\n"] {
        let mut pdus = data_session(&mut Sender::new("L", 1), b"x\r\n", 100);
        pdus.push(Sender::new("L", 1).content(PayloadDirection::ToTarget, EmailFormat::IpPacket, b"E"));
        for pdu in &mut pdus {
            pdu.ps_header.lawful_interception_identifier = liid.as_bytes().into();
            recorder.pdu(b"", pdu).unwrap();
        }
    }
    recorder.finish().unwrap();
    assert_eq!(names(outside.path()), ["store"]);
    assert_eq!(names(&root), ["contents", "messages", "packets", "pdus.etsi", "sessions"]);
    assert_eq!(names(root.join("messages")).len(), 9);
}

#[test]
fn sessions_and_files_are_bounded() {
    let limits = RecordLimits { sessions: 20, sequences: 100, files: 4 };
    let root = tempfile::tempdir().unwrap();
    let mut pdus = vec![];
    for cin in 0..200 {
        let mut sender = Sender::new("L", cin);
        pdus.push(sender.cc_from_target(b"MAIL FROM:<a@b>\r\nDATA\r\n"));
        pdus.push(sender.cc_to_target(b"250 Ok\r\n354 go\r\n"));
        pdus.push(sender.cc_from_target(b"half\r\n"));
    }
    let settings = RecordSettings { limits, ..RecordSettings::default() };
    let (summary, _) = record_into(root.path(), settings, &pdus);
    assert_eq!(summary.sessions, 200);
    assert!(summary.sessions_evicted >= 180);
    assert_eq!(summary.messages_incomplete, 200, "what was evicted is closed in order");
    assert!(names(root.path().join("messages")).iter().all(|name| name.ends_with(".incomplete.eml")));
    assert!(summary.sequences_forgotten >= 100 && !summary.is_clean());
}

#[test]
fn a_reset_lets_a_cin_begin_again() {
    let mut first = data_session(&mut Sender::new("L", 1), b"one\r\n", 100);
    let mut reset = Sender::new("-", 0).hi2(Payload::TriPayload(TriPayload::CinReset));
    reset.ps_header.communication_identifier.communication_identity_number = None;
    first.push(reset);
    first.extend(data_session(&mut Sender::new("L", 1), b"two\r\n", 100));
    let (root, summary, _) = record(&first);
    assert!(summary.is_clean(), "{summary}");
    assert_eq!(summary.resets, 1);
    assert_eq!(message(&root, "L-1-2.eml"), b"two\r\n");
}

#[test]
fn words_of_the_operator_are_in_the_transcript() {
    let mut sender = Sender::new("L", 1);
    let words = Payload::TriPayload(TriPayload::OperatorLeaMessage(OperatorLeaMessage {
        message_priority: MessagePriority::Error,
        message: asn1::OctetString::from(&b"5 octets were not captured\x1b[2J"[..]),
        additions: asn1::Additions::NONE,
    }));
    let (root, ..) = record(&[sender.hi2(words)]);
    let transcript = fs::read_to_string(root.path().join("sessions/L-1.txt")).unwrap();
    assert!(transcript.ends_with(" !: the operator says: 5 octets were not captured\\u{1b}[2J\n"), "{transcript}");
}

#[test]
fn nothing_that_a_terminal_obeys_is_in_lines_or_transcripts() {
    let mut sender = Sender::new("L", 1);
    let pdus = [
        sender.cc_from_target("MAIL FROM:<\u{1b}]0;x\u{7}\u{9b}31m\u{202e}@b>\r\n".as_bytes()),
        sender.cc_to_target(b"250 \x9b\xff\x08\r\n"),
    ];
    let (root, _, lines) = record(&pdus);
    let transcript = fs::read_to_string(root.path().join("sessions/L-1.txt")).unwrap();
    for text in [&lines, &transcript] {
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    }
    assert!(transcript.contains("\\u{1b}]0;x\\u{7}\\u{9b}31m\\u{202e}@b>"), "{transcript}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn any_message_in_any_pieces(
        body in proptest::collection::vec(
            prop_oneof![Just(b'.'), Just(b'\n'), Just(b'a'), any::<u8>()].prop_filter("CR", |octet| *octet != b'\r'),
            0..300,
        ),
        cut in 1usize..100,
    ) {
        // Lines end with CRLF in places; a LF elsewhere is a bare one.
        let mut message: Vec<u8> = body.chunks(13).flat_map(|line| [line, b"\r\n"].concat()).collect();
        message.extend(b"end\r\n");
        let (root, summary, _) = record(&data_session(&mut Sender::new("L", 1), &message, cut));
        prop_assert_eq!(message_of(&root), message);
        prop_assert!(summary.is_clean());
    }
}

fn message_of(root: &TempDir) -> Vec<u8> {
    message(root, "L-1-1.eml")
}
