//! A small LEMF on loopback, written by hand for these tests, and records to send to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]
#![allow(dead_code, reason = "each test uses its own part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use writ_etsi::{OptionResponse, Payload, PsPdu, TriPayload, decode, encode, pdu_length};
use writ_handover::settings::{KeepAliveSettings, LemfSettings};
use writ_intercept::record::{Body, Cin, Iri, IriType, MailEvent, Mandate, Protocol, Record, Status};
use writ_wire::Time;

/// What the LEMF does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Reads, and answers keep-alives.
    Proper,
    /// Reads, and answers nothing.
    Mute,
    /// Takes the connection and reads nothing.
    Deaf,
    /// Closes after so many PDUs. It reads no octet of the next: what it does not read is left to its kernel.
    CloseAfter(usize),
    /// Dies of the PDU with this sequence number, and its kernel resets the connection.
    FailAt(u32),
    /// Sends what is no PDU, and reads.
    Babble,
    /// Reads so slowly: a pause after each PDU.
    Slow(Duration),
    /// As proper, and acknowledges PDUs when asked.
    Acknowledge,
    /// Agrees to acknowledge PDUs, answers so many requests, and closes at the next.
    AcknowledgeOnly(usize),
    /// Agrees to, and answers no request.
    NeverAcknowledge,
    /// As proper, and declines to acknowledge.
    Decline,
}

/// The LEMF. Its threads end with the test's process, or by themselves when their connection does.
pub struct Lemf {
    pub address: SocketAddr,
    connections: Arc<Mutex<Vec<Vec<PsPdu>>>>,
    conduct: Arc<Mutex<Conduct>>,
    stopped: Arc<AtomicBool>,
}

impl Lemf {
    pub fn start(conduct: Conduct) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), conduct)
    }

    pub fn listen(listener: TcpListener, conduct: Conduct) -> Self {
        let lemf = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            conduct: Arc::new(Mutex::new(conduct)),
            stopped: Arc::default(),
        };
        let (connections, conduct, stopped) =
            (Arc::clone(&lemf.connections), Arc::clone(&lemf.conduct), Arc::clone(&lemf.stopped));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let stream = stream.unwrap();
                let conduct = *conduct.lock().unwrap();
                let connections = Arc::clone(&connections);
                let number = {
                    let mut connections = connections.lock().unwrap();
                    connections.push(Vec::new());
                    connections.len() - 1
                };
                thread::spawn(move || serve(stream, conduct, number, &connections));
            }
        });
        lemf
    }

    /// How the connections that come from now on are served.
    pub fn behave(&self, conduct: Conduct) {
        *self.conduct.lock().unwrap() = conduct;
    }

    /// What each connection brought, in order, keep-alives left out.
    pub fn connections(&self) -> Vec<Vec<PsPdu>> {
        self.connections.lock().unwrap().clone()
    }

    /// All of it.
    pub fn received(&self) -> Vec<PsPdu> {
        self.connections().concat()
    }
}

impl Drop for Lemf {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener so that the port is given back.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, conduct: Conduct, number: usize, connections: &Mutex<Vec<Vec<PsPdu>>>) {
    if conduct == Conduct::Deaf {
        thread::sleep(Duration::from_secs(60));
        return;
    }
    if conduct == Conduct::Babble {
        let _ = stream.write_all(b"220 lemf.example ESMTP\r\n");
    }
    let (mut octets, mut piece, mut read, mut answered) = (Vec::new(), vec![0; 1 << 16], 0, 0);
    loop {
        let wanted = pdu_length(&octets).unwrap().map_or(1, |length| length - octets.len()).min(piece.len());
        match stream.read(&mut piece[..wanted]) {
            Ok(0) | Err(_) => return,
            Ok(count) => octets.extend_from_slice(&piece[..count]),
        }
        while let Some(length) = pdu_length(&octets).unwrap().filter(|length| *length <= octets.len()) {
            let pdu = decode(&octets[..length]).unwrap();
            octets.drain(..length);
            if matches!(pdu.payload, Payload::TriPayload(TriPayload::KeepAlive)) {
                if conduct != Conduct::Mute {
                    let response = PsPdu { payload: Payload::TriPayload(TriPayload::KeepAliveResponse), ..pdu };
                    if stream.write_all(&encode(&response).unwrap()).is_err() {
                        return;
                    }
                }
                continue;
            }
            match acknowledge(&pdu, conduct, &mut answered) {
                Asked::Nothing => {}
                Asked::Answer(answer) => {
                    if stream.write_all(&answer).is_err() {
                        return;
                    }
                    continue;
                }
                Asked::Silence => continue,
                Asked::Close => return,
            }
            if conduct == Conduct::FailAt(pdu.ps_header.sequence_number) {
                // With a linger of 0 the end is a reset.
                let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
                nix::sys::socket::setsockopt(&stream, nix::sys::socket::sockopt::Linger, &linger).unwrap();
                // What goes with it has been acknowledged.
                thread::sleep(Duration::from_millis(30));
                return;
            }
            connections.lock().unwrap()[number].push(pdu);
            read += 1;
            match conduct {
                Conduct::CloseAfter(limit) if read >= limit => return,
                Conduct::Slow(pause) => thread::sleep(pause),
                _ => {}
            }
        }
    }
}

/// What a PDU asks for about acknowledgement, and what comes of it.
enum Asked {
    Nothing,
    Answer(Vec<u8>),
    Silence,
    Close,
}

fn acknowledge(pdu: &PsPdu, conduct: Conduct, answered: &mut usize) -> Asked {
    let agrees = matches!(conduct, Conduct::Acknowledge | Conduct::AcknowledgeOnly(_) | Conduct::NeverAcknowledge);
    let answer = |payload| {
        let response = PsPdu { payload: Payload::TriPayload(payload), ..pdu.clone() };
        Asked::Answer(encode(&response).unwrap())
    };
    let Payload::TriPayload(payload) = &pdu.payload else { return Asked::Nothing };
    match payload {
        TriPayload::OptionRequest(request) if agrees || conduct == Conduct::Decline => {
            let (accepted_options, declined_options) = if agrees {
                (request.requested_options.clone(), vec![])
            } else {
                (vec![], request.requested_options.clone())
            };
            let additions = writ_etsi::asn1::Additions::NONE;
            answer(TriPayload::OptionResponse(OptionResponse { accepted_options, declined_options, additions }))
        }
        TriPayload::PduAcknowledgementRequest => {
            *answered += 1;
            match conduct {
                Conduct::AcknowledgeOnly(limit) if *answered > limit => Asked::Close,
                Conduct::NeverAcknowledge => Asked::Silence,
                _ => answer(TriPayload::PduAcknowledgementResponse),
            }
        }
        TriPayload::OptionRequest(_) | TriPayload::OptionComplete => Asked::Silence,
        _ => Asked::Nothing,
    }
}

/// Settings with times for tests.
pub fn settings(name: &str, address: impl ToString) -> LemfSettings {
    LemfSettings {
        retry: Duration::from_millis(100),
        keep_alive: KeepAliveSettings {
            time1: Duration::from_millis(300),
            time2: Duration::from_millis(200),
            time3: Duration::from_millis(400),
        },
        ..LemfSettings::at(name, address.to_string())
    }
}

/// An address where nobody listens. Of a host that no other test uses, so that none of them takes the port meanwhile.
pub fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap()
}

pub fn mandate(lemf: usize) -> Arc<Mandate> {
    Arc::new(Mandate { liid: format!("LIID-{lemf}"), authorization_country: "NL".into(), lemf })
}

/// A record of IRI with so many octets of recipients.
pub fn record(mandate: &Arc<Mandate>, cin: u32, octets: usize) -> Record {
    let recipient = "r".repeat(200);
    let iri = Iri {
        record_type: IriType::Continue,
        event: MailEvent::Send,
        protocol: Protocol::Smtp,
        client: "192.0.2.1:1024".parse().unwrap(),
        server: "192.0.2.2:25".parse().unwrap(),
        client_octets: 1,
        server_octets: 2,
        sender: None,
        recipients: vec![recipient; octets / 200],
        total_recipients: None,
        status: Status::Unknown,
        message_id: None,
        aaa: None,
        sender_validity: None,
    };
    Record {
        mandate: Arc::clone(mandate),
        cin: Cin(cin),
        time: Time::from_parts(1_800_000_000, 0),
        body: Body::Iri(Box::new(iri)),
    }
}

/// The sequence numbers of what belongs to this communication.
pub fn numbers(pdus: &[PsPdu], cin: u32) -> Vec<u32> {
    let of = |pdu: &&PsPdu| pdu.ps_header.communication_identifier.communication_identity_number == Some(cin);
    pdus.iter().filter(of).map(|pdu| pdu.ps_header.sequence_number).collect()
}

/// The texts of messages from the operator.
pub fn messages(pdus: &[PsPdu]) -> Vec<String> {
    let text = |pdu: &PsPdu| match &pdu.payload {
        Payload::TriPayload(TriPayload::OperatorLeaMessage(message)) => {
            Some(String::from_utf8(message.message.to_vec()).unwrap())
        }
        _ => None,
    };
    pdus.iter().filter_map(text).collect()
}

/// Waits until it holds, for as long as a busy machine may need.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
