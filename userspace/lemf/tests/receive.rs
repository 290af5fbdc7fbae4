//! The receiver over real connections on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use support::*;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use writ_etsi::*;
use writ_lemf::{Acknowledge, LemfError, Settings, Summary, receive};

struct Lemf {
    root: TempDir,
    address: SocketAddr,
    lines: Lines,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<Summary, LemfError>>,
}

impl Lemf {
    async fn start(settings: Settings) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (bound, address) = oneshot::channel();
        let lines = Lines::default();
        let settings = Settings { out: Box::new(lines.clone()), bound: Some(bound), ..settings };
        let listen = "127.0.0.1:0".parse().unwrap();
        let running = tokio::spawn(receive(listen, root.path().to_owned(), settings, async {
            let _ = stopped.await;
        }));
        Self { root, address: address.await.unwrap(), lines, stop, running }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(self) -> (TempDir, Summary, String) {
        self.stop.send(()).unwrap();
        let summary = self.running.await.unwrap().unwrap();
        (self.root, summary, self.lines.text())
    }
}

/// Reads whatever the peer sends until it closes.
async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut octets = vec![];
    // A reset ends it as well.
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut octets)).await.unwrap();
    octets
}

const MESSAGE: &[u8] = b"Subject: x\r\n\r\n.dot\r\nbare\nLF\r\n";

#[tokio::test]
async fn two_connections_one_for_each_interface() {
    let lemf = Lemf::start(Settings::default()).await;
    let pdus = data_session(&mut Sender::new("MAIL-0001", 1), MESSAGE, 5);
    let (iri, cc): (Vec<_>, Vec<_>) =
        pdus.iter().partition(|pdu| matches!(pdu.payload, Payload::IriPayloadSequence(_)));
    let (mut hi2, mut hi3) = (lemf.connect().await, lemf.connect().await);
    for (stream, pdus) in [(&mut hi2, iri), (&mut hi3, cc)] {
        for pdu in pdus {
            // In pieces that end anywhere.
            for piece in encode(pdu).unwrap().chunks(11) {
                stream.write_all(piece).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    }
    drop((hi2, hi3));
    let (root, summary, lines) = lemf.stop().await;
    assert_eq!(fs::read(root.path().join("messages/MAIL-0001-1-1.eml")).unwrap(), MESSAGE);
    assert_eq!((summary.connections, summary.iri, summary.pdus), (2, 3, pdus.len() as u64));
    assert!(summary.is_clean(), "{summary}");
    assert_eq!(lines.lines().filter(|line| line.contains(" MAIL-0001 cin 1 seq ")).count(), pdus.len(), "{lines}");
}

#[tokio::test]
async fn keep_alives_are_answered_under_their_own_header_and_not_stored() {
    let lemf = Lemf::start(Settings::default()).await;
    let mut stream = lemf.connect().await;
    let mut sender = Sender::new("L", 1);
    let requests = [sender.keep_alive(5), sender.event(EmailEvent::Logon, IriType::Begin), sender.keep_alive(6)];
    stream.write_all(&octets(&requests)).await.unwrap();
    for request in [&requests[0], &requests[2]] {
        let expected = PsPdu { payload: Payload::TriPayload(TriPayload::KeepAliveResponse), ..request.clone() };
        let expected = encode(&expected).unwrap();
        let mut answer = vec![0; expected.len()];
        tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer, expected);
    }
    drop(stream);
    let (root, summary, _) = lemf.stop().await;
    assert_eq!((summary.keep_alives, summary.pdus), (2, 1));
    assert_eq!(fs::read(root.path().join("pdus.etsi")).unwrap(), encode(&requests[1]).unwrap());
}

#[tokio::test]
async fn what_was_sent_before_the_stop_is_kept() {
    let lemf = Lemf::start(Settings::default()).await;
    let mut stream = lemf.connect().await;
    let message = b"x".repeat(3_000_000);
    let pdus = data_session(&mut Sender::new("L", 1), &[&message[..], b"\r\n"].concat(), 50_000);
    stream.write_all(&octets(&pdus)).await.unwrap();
    // The connection stays open, and the stop comes at once.
    let (root, summary, _) = lemf.stop().await;
    assert_eq!(summary.pdus, pdus.len() as u64);
    assert!(summary.is_clean());
    assert_eq!(fs::metadata(root.path().join("messages/L-1-1.eml")).unwrap().len(), 3_000_002);
    drop(stream);
}

#[tokio::test]
async fn a_sender_that_never_pauses_does_not_hold_up_the_stop() {
    let lemf = Lemf::start(Settings::default()).await;
    let mut stream = lemf.connect().await;
    let endless = tokio::spawn(async move {
        let request = Sender::new("L", 1).event(EmailEvent::Logon, IriType::Begin);
        let octets = encode(&request).unwrap();
        while stream.write_all(&octets).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (_, summary, _) = tokio::time::timeout(Duration::from_secs(10), lemf.stop()).await.unwrap();
    assert!(summary.pdus > 1 && summary.duplicates == summary.pdus - 1);
    endless.await.unwrap();
}

#[tokio::test]
async fn octets_that_are_no_pdu_end_their_connection_alone() {
    let lemf = Lemf::start(Settings::default()).await;
    let mut good = lemf.connect().await;
    let mut sender = Sender::new("L", 1);
    good.write_all(&octets(&[sender.event(EmailEvent::Logon, IriType::Begin)])).await.unwrap();
    for hostile in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        &[0x30, 0x80, 0x04, 0x84, 0x7f, 0xff, 0xff, 0xff],
        &[0x16, 0x03, 0x01],
    ] {
        let mut stream = lemf.connect().await;
        stream.write_all(hostile).await.unwrap();
        assert_eq!(until_closed(&mut stream).await, b"");
    }
    good.write_all(&octets(&[sender.event(EmailEvent::Logoff, IriType::End)])).await.unwrap();
    drop(good);
    let (_, summary, lines) = lemf.stop().await;
    assert_eq!((summary.pdus, summary.connections_broken, summary.connections), (2, 4, 5));
    assert!(lines.contains("offset 0: expected a PS-PDU (SEQUENCE, 30), found an octet 47"), "{lines}");
}

#[tokio::test]
async fn a_frame_that_holds_no_pdu_is_kept_apart_and_what_follows_is_read() {
    let lemf = Lemf::start(Settings::default()).await;
    let mut stream = lemf.connect().await;
    let mut sender = Sender::new("L", 1);
    let malformed = [&[0x30, 0x03, 0x02, 0x01, 0x05][..], &[0x30, 0x03, 0x02, 0x05, 0x05]].concat();
    let pdus = [sender.event(EmailEvent::Logon, IriType::Begin), sender.event(EmailEvent::Logoff, IriType::End)];
    let stream_octets = [octets(&pdus[..1]), malformed.clone(), octets(&pdus[1..])].concat();
    stream.write_all(&stream_octets).await.unwrap();
    drop(stream);
    let (root, summary, _) = lemf.stop().await;
    assert_eq!((summary.pdus, summary.malformed), (2, 2));
    assert_eq!(fs::read(root.path().join("malformed.etsi")).unwrap(), malformed);
    assert_eq!(fs::read(root.path().join("pdus.etsi")).unwrap(), octets(&pdus));
}

#[tokio::test]
async fn a_connection_that_ends_inside_a_pdu_is_told() {
    let lemf = Lemf::start(Settings::default()).await;
    let mut stream = lemf.connect().await;
    stream.write_all(&octets(&[Sender::new("L", 1).keep_alive(0)])[..20]).await.unwrap();
    drop(stream);
    let (_, summary, lines) = lemf.stop().await;
    assert_eq!(summary.connections_broken, 1);
    assert!(lines.contains("closed the connection inside a PDU, 20 octets of which are lost"), "{lines}");
}

#[tokio::test]
async fn silence_is_ended_after_its_time() {
    let lemf = Lemf::start(Settings { idle: Some(Duration::from_millis(100)), ..Settings::default() }).await;
    let mut stream = lemf.connect().await;
    stream.write_all(&[0x30]).await.unwrap();
    assert_eq!(until_closed(&mut stream).await, b"");
    let (_, summary, _) = lemf.stop().await;
    assert_eq!(summary.connections_broken, 1);
}

#[tokio::test]
async fn connections_are_bounded() {
    let lemf = Lemf::start(Settings { connections: 2, ..Settings::default() }).await;
    let mut held = vec![];
    for number in 0..2 {
        let mut stream = lemf.connect().await;
        let request = Sender::new("L", 1).keep_alive(number);
        stream.write_all(&octets(&[request])).await.unwrap();
        // The answer tells that this one is served.
        stream.read_exact(&mut [0; 10]).await.unwrap();
        held.push(stream);
    }
    let mut third = lemf.connect().await;
    assert_eq!(until_closed(&mut third).await, b"");
    let (_, summary, _) = lemf.stop().await;
    assert_eq!((summary.connections, summary.connections_refused), (2, 1));
}

#[tokio::test]
async fn json_lines_are_json() {
    let mut settings = Settings::default();
    settings.record.json = true;
    let lemf = Lemf::start(settings).await;
    let mut stream = lemf.connect().await;
    stream.write_all(&octets(&data_session(&mut Sender::new("L", 1), MESSAGE, 10))).await.unwrap();
    drop(stream);
    let (_, summary, lines) = lemf.stop().await;
    let values: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pdus = values.iter().filter(|value| value.get("pSHeader").is_some()).count();
    assert_eq!(pdus as u64, summary.pdus);
}

#[tokio::test]
async fn addresses_and_stores_that_cannot_be_used() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let root = tempfile::tempdir().unwrap();
    let never = std::future::pending();
    let refused = receive(taken.local_addr().unwrap(), root.path().into(), Settings::default(), never).await;
    assert!(matches!(refused, Err(LemfError::Listen { .. })));
    fs::write(root.path().join("file"), b"").unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let refused = receive(listen, root.path().join("file"), Settings::default(), std::future::pending()).await;
    assert!(matches!(refused, Err(LemfError::Store(_))));
}

/// Sends these, and reads as many PDUs in answer.
async fn ask(stream: &mut TcpStream, pdus: &[PsPdu], answers: usize) -> Vec<PsPdu> {
    stream.write_all(&octets(pdus)).await.unwrap();
    let mut found = Vec::new();
    let mut read = Vec::new();
    while found.len() < answers {
        let octet = tokio::time::timeout(Duration::from_secs(10), stream.read_u8()).await.unwrap().unwrap();
        read.push(octet);
        if pdu_length(&read).unwrap() == Some(read.len()) {
            found.push(decode(&read).unwrap());
            read.clear();
        }
    }
    found
}

fn option_request(sender: &mut Sender, number: u32) -> PsPdu {
    let request = OptionRequest {
        requested_options: vec![TransportOption::PduAcknowledgement],
        additions: asn1::Additions::NONE,
    };
    PsPdu { payload: Payload::TriPayload(TriPayload::OptionRequest(request)), ..sender.keep_alive(number) }
}

fn acknowledgement_request(sender: &mut Sender, number: u32) -> PsPdu {
    PsPdu { payload: Payload::TriPayload(TriPayload::PduAcknowledgementRequest), ..sender.keep_alive(number) }
}

#[tokio::test]
async fn what_is_acknowledged_is_in_the_store_and_a_lost_connection_costs_none_of_it() {
    let lemf = Lemf::start(Settings::default()).await;
    let (mut stream, mut sender) = (lemf.connect().await, Sender::new("L", 1));
    let response = ask(&mut stream, &[option_request(&mut sender, 1)], 1).await;
    let Payload::TriPayload(TriPayload::OptionResponse(options)) = &response[0].payload else { panic!("{response:?}") };
    assert_eq!(options.accepted_options, [TransportOption::PduAcknowledgement]);
    assert!(options.declined_options.is_empty());

    let pdus = data_session(&mut sender, MESSAGE, 5);
    let request = acknowledgement_request(&mut sender, 77);
    let response = ask(&mut stream, &[pdus.clone(), vec![request.clone()]].concat(), 1).await;
    // It is there by the time that the answer is.
    assert_eq!(fs::read(lemf.root.path().join("pdus.etsi")).unwrap(), octets(&pdus));
    let expected = PsPdu { payload: Payload::TriPayload(TriPayload::PduAcknowledgementResponse), ..request };
    assert_eq!(response[0], expected);

    // The connection breaks inside the next PDU: the sender knows what it has to repeat.
    let next = sender.event(EmailEvent::Logoff, IriType::End);
    stream.write_all(&encode(&next).unwrap()[..20]).await.unwrap();
    drop(stream);
    let mut stream = lemf.connect().await;
    ask(&mut stream, &[option_request(&mut sender, 2), next.clone(), acknowledgement_request(&mut sender, 78)], 2)
        .await;
    assert_eq!(fs::read(lemf.root.path().join("pdus.etsi")).unwrap(), octets(&[pdus, vec![next]].concat()));
    let (_, summary, _) = lemf.stop().await;
    assert_eq!((summary.acknowledgements, summary.duplicates, summary.missing), (2, 0, 0));
}

#[tokio::test]
async fn it_can_decline_or_say_nothing() {
    let mut sender = Sender::new("L", 1);
    let requests = [option_request(&mut sender, 1), acknowledgement_request(&mut sender, 2), sender.keep_alive(3)];
    let lemf = Lemf::start(Settings { acknowledge: Acknowledge::Decline, ..Settings::default() }).await;
    let answers = ask(&mut lemf.connect().await, &requests, 2).await;
    let Payload::TriPayload(TriPayload::OptionResponse(options)) = &answers[0].payload else { panic!("{answers:?}") };
    assert!(options.accepted_options.is_empty());
    assert_eq!(options.declined_options, [TransportOption::PduAcknowledgement]);
    assert_eq!(answers[1].payload, Payload::TriPayload(TriPayload::KeepAliveResponse), "what was not agreed has none");
    lemf.stop().await;

    let lemf = Lemf::start(Settings { acknowledge: Acknowledge::Never, ..Settings::default() }).await;
    let answers = ask(&mut lemf.connect().await, &requests, 1).await;
    assert_eq!(answers[0].payload, Payload::TriPayload(TriPayload::KeepAliveResponse));
    let (_, summary, _) = lemf.stop().await;
    assert_eq!((summary.acknowledgements, summary.pdus, summary.keep_alives), (0, 0, 1));
}
