//! The whole way from frames to records and PDUs, under warrants that never change: only what they cover comes out, whatever the
//! mail and however its segments are cut.
//!
//! The input: which client, which server port, the size of the cuts, and the pieces of an SMTP dialogue.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use writ_etsi::Profile;
use writ_handover::encoder::Encoder;
use writ_handover::settings::HandoverSettings;
use writ_intercept::address::Form;
use writ_intercept::record::{Body, CcFormat, Cin, Deliver, Mandate, Record};
use writ_intercept::warrant::AuthenticationData;
use writ_intercept::{CinSource, Interception, Settings, Target, TargetIndex, Warrant};
use writ_wire::{Direction, Frame, Link, Time, Wire};

use crate::choices::Choices;
use crate::packets::{ACK, Ends, FIN, SYN, Segment};
use crate::pieces::{self, Piece};
use crate::streams::side;

/// The first packet's time, in seconds.
const BEGIN: u64 = 1_772_442_000;
/// Client addresses, by the octet that chooses one. The first two are no target.
const CLIENTS: [&str; 4] =
    ["198.51.100.7:40000", "[2001:db8:7::7]:40000", "192.0.2.10:40000", "[2001:db8:1::10]:40000"];
/// Who is a target by name. None of them has a letter that another script's letter becomes when its case is taken off.
const NAMES: [&[u8]; 4] = [b"alice", b"bob", b"carol", b"dave"];

fn warrant(liid: &str, deliver: Deliver, cc_format: CcFormat, targets: Vec<Target>) -> Warrant {
    Warrant {
        mandate: Arc::new(Mandate { liid: liid.to_owned(), authorization_country: "NL".to_owned(), lemf: 0 }),
        start: Time::from_parts(BEGIN - 3600, 0),
        end: Time::from_parts(BEGIN + 86_400, 0),
        deliver,
        cc_format,
        authentication_data: AuthenticationData::Username,
        report_failed_sends: false,
        form: Form::default(),
        targets,
        revoked: AtomicBool::new(false),
    }
}

fn warrants() -> Vec<Arc<Warrant>> {
    let email = |name: &str| Target::Email(format!("{name}@example.org"));
    let login = |name: &str| Target::Login(name.to_owned());
    let second = |seconds: u64| Time::from_parts(BEGIN + seconds, 0);
    let warrants = vec![
        warrant("IRI", Deliver::Iri, CcFormat::Application, vec![email("alice"), email("bob")]),
        warrant("CC", Deliver::IriAndCc, CcFormat::Application, vec![email("alice"), login("carol")]),
        warrant("PACKETS", Deliver::IriAndCc, CcFormat::IpPacket, vec![email("bob"), email("carol")]),
        Warrant {
            authentication_data: AuthenticationData::None,
            ..warrant(
                "CLIENT",
                Deliver::Iri,
                CcFormat::IpPacket,
                vec![
                    Target::Ip("192.0.2.10".parse().expect("an address"), 32),
                    Target::Ip("2001:db8:1::".parse().expect("an address"), 64),
                ],
            )
        },
        Warrant {
            start: second(1),
            end: second(5),
            authentication_data: AuthenticationData::Full,
            report_failed_sends: true,
            ..warrant(
                "HOURS",
                Deliver::IriAndCc,
                CcFormat::Application,
                vec![email("alice"), email("dave"), login("dave")],
            )
        },
        Warrant {
            start: second(2),
            end: second(4),
            form: Form { match_case: true, strip_tag: true },
            ..warrant("HOURS-PACKETS", Deliver::IriAndCc, CcFormat::IpPacket, vec![email("dave"), email("alice")])
        },
    ];
    for warrant in &warrants {
        assert_eq!(warrant.check(), Ok(()));
    }
    warrants.into_iter().map(Arc::new).collect()
}

#[derive(Default)]
struct Cins(Cell<u32>);

impl CinSource for Cins {
    fn next_cin(&self) -> Cin {
        self.0.set(self.0.get() + 1);
        Cin(self.0.get())
    }
}

/// What a worker is in the program.
type Worker = Interception<Cins>;

fn worker(index: &Arc<TargetIndex>) -> Worker {
    let mut settings = Settings::default();
    settings.deliver_here("example.org");
    settings.default_domain(None, "example.org");
    Interception::new(Arc::clone(index), Arc::new(settings), Cins::default())
}

/// One dialogue, as frames.
struct Tap {
    wire: Wire<Worker>,
    worker: Worker,
    ends: Ends,
    now: Time,
    sent: [u64; 2],
}

impl Tap {
    fn new(index: &Arc<TargetIndex>, ends: Ends) -> Self {
        let settings = writ_wire::Settings { hash_seed: Some(1), max_flows: 4, ..writ_wire::Settings::default() };
        Self { wire: Wire::new(settings), worker: worker(index), ends, now: Time::from_parts(BEGIN, 0), sent: [0; 2] }
    }

    fn send(&mut self, from: Direction, flags: u8, payload: &[u8]) {
        let number = |from: Direction, sent: [u64; 2]| 1000 + sent[side(from)] as u32;
        let segment =
            Segment { from, seq: number(from, self.sent), ack: number(from.flip(), self.sent), flags, payload };
        let packet = self.ends.packet(&segment);
        let syn_or_fin = flags & (SYN | FIN) != 0;
        self.sent[side(from)] += payload.len() as u64 + u64::from(syn_or_fin);
        let frame = Frame { time: self.now, link: Link::RawIp, octets: &packet, wire_len: packet.len() as u32 };
        self.wire.frame(&frame, &mut self.worker);
    }

    fn run(mut self, pieces: &[Piece<'_>], cut: usize, from_start: bool) -> Worker {
        if from_start {
            self.send(Direction::FromClient, SYN, &[]);
            self.send(Direction::FromServer, SYN | ACK, &[]);
        }
        self.send(Direction::FromClient, ACK, &[]);
        for piece in pieces {
            match *piece {
                Piece::Octets(from, octets) => octets.chunks(cut).for_each(|payload| self.send(from, ACK, payload)),
                Piece::Gap(from, length) => self.sent[side(from)] += u64::from(length),
                Piece::Pause(pause) => {
                    self.now = self.now.after(pause);
                    self.wire.tick(self.now, &mut self.worker);
                }
            }
        }
        for from in [Direction::FromClient, Direction::FromServer] {
            self.send(from, ACK | FIN, &[]);
        }
        self.wire.finish(self.now.after(Duration::from_secs(1)), &mut self.worker);
        self.worker
    }
}

/// Runs an input.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let client = choices.one_of(&CLIENTS);
    let bits = choices.octet();
    let from_start = bits & 1 == 0;
    let cut = 1 + usize::from(bits >> 1 & 31);
    let (server, server_v6) = if bits & 0x40 == 0 {
        ("192.0.2.25:25", "[2001:db8:25::25]:25")
    } else {
        ("192.0.2.25:587", "[2001:db8:25::25]:587")
    };
    let server = if client.starts_with('[') { server_v6 } else { server };
    let ends = Ends { client: client.parse().expect("an address"), server: server.parse().expect("an address") };
    let pieces = pieces::read(&mut choices);

    let warrants = warrants();
    let index = Arc::new(TargetIndex::new(warrants.clone()));
    let worker = Tap::new(&index, ends).run(&pieces, 1400, from_start);
    check(&worker.records, &warrants);
    if client == CLIENTS[0] || client == CLIENTS[1] {
        check_nobody(&worker.records, &pieces);
    }
    encode(&worker.records);

    // Past these sizes a limit may be met in one case and not in the other; and where octets are missing, when they are given up
    // depends on the segments.
    let octets: usize =
        pieces.iter().map(|piece| if let Piece::Octets(_, octets) = piece { octets.len() } else { 0 }).sum();
    let has_gap = pieces.iter().any(|piece| matches!(piece, Piece::Gap(..)));
    if octets <= 4096 && !has_gap {
        // A few hundred segments find what thousands would.
        let cut = cut.max(octets / 256);
        let in_cuts = Tap::new(&index, ends).run(&pieces, cut, from_start);
        assert_eq!(told(&worker.records), told(&in_cuts.records), "the same in segments of {cut}");
    }
}

/// What every record must keep to.
fn check(records: &[Record], warrants: &[Arc<Warrant>]) {
    let mut closed: Vec<(&str, Cin)> = Vec::new();
    let mut owners: Vec<(Cin, &str)> = Vec::new();
    for record in records {
        let liid = record.mandate.liid.as_str();
        let warrant = warrants.iter().find(|warrant| warrant.mandate == record.mandate).expect("a warrant");
        match owners.iter().find(|(cin, _)| *cin == record.cin) {
            Some((_, owner)) => assert_eq!(*owner, liid, "a CIN is of one warrant"),
            None => owners.push((record.cin, liid)),
        }
        assert!(!closed.contains(&(liid, record.cin)), "a record after the last");
        if matches!(record.body, Body::Closed) {
            closed.push((liid, record.cin));
            continue;
        }
        assert!(warrant.start <= record.time && record.time < warrant.end, "{liid}: outside the interval");
        match &record.body {
            Body::Cc(cc) => {
                assert_eq!(warrant.deliver, Deliver::IriAndCc, "{liid}: content under a warrant for none");
                assert_eq!(warrant.cc_format, cc.format);
                assert!(!cc.content.octets().is_empty(), "empty content");
            }
            Body::Iri(iri) => {
                assert!(iri.recipients.len() <= 1023);
                let Some(aaa) = &iri.aaa else { continue };
                assert_ne!(warrant.authentication_data, AuthenticationData::None);
                if warrant.authentication_data != AuthenticationData::Full {
                    assert!(aaa.password.is_none() && aaa.challenge.is_none() && aaa.response.is_none());
                }
            }
            Body::Notice(_) | Body::MessagingIri(_) | Body::MessagingCc(_) | Body::Closed => {}
        }
    }
    owners.sort_by_key(|(cin, _)| *cin);
    owners.dedup_by_key(|(cin, _)| *cin);
    assert_eq!(owners.len(), closed.len(), "every communication is closed once");
}

/// Where nobody is named, nothing is told.
fn check_nobody(records: &[Record], pieces: &[Piece<'_>]) {
    // Both ends' octets in a row: a name that two pieces share is a name.
    let mut said = [Vec::new(), Vec::new()];
    for piece in pieces {
        match piece {
            Piece::Octets(from, octets) => said[side(*from)].extend(octets.to_ascii_lowercase()),
            // Between them may be anything.
            Piece::Gap(from, _) => said[side(*from)].push(0),
            Piece::Pause(_) => {}
        }
    }
    let has = |word: &[u8]| said.iter().any(|octets| octets.windows(word.len()).any(|window| window == word));
    // A login is in base64; a quoted local part may have a backslash between any two letters.
    let hidden = has(b"auth") || has(b"\\");
    if !hidden && !NAMES.iter().any(|name| has(name)) {
        assert!(records.is_empty(), "records of nobody");
    }
}

/// Every record has an encoding, and it decodes.
fn encode(records: &[Record]) {
    for profile in [Profile::V331, Profile::Current] {
        let mut encoder = Encoder::new(&HandoverSettings::default(), profile).expect("the settings hold");
        let mut pdus = Vec::new();
        for record in records {
            encoder.encode(record, &mut pdus).expect("a record has an encoding");
        }
        for pdu in pdus {
            writ_etsi::decode(&pdu.octets).expect("a PDU that was made decodes");
        }
        assert_eq!(encoder.sequences(), 0, "every sequence is closed");
    }
}

/// The records as text, with neighbouring content of one direction put together; content in packets is left out, since packets are
/// what differs.
fn told(records: &[Record]) -> Vec<String> {
    let mut told: Vec<(String, Vec<u8>)> = Vec::new();
    // By communication: how the records of different ones follow one another may depend on the segments, and so may which warrant has
    // the first number.
    let mut order: Vec<&Record> = records.iter().collect();
    order.sort_by_key(|record| (record.mandate.liid.clone(), record.cin));
    let number = |record: &Record| {
        let of_warrant = records.iter().filter(|other| other.mandate == record.mandate);
        of_warrant.map(|other| other.cin).filter(|cin| *cin < record.cin).collect::<BTreeSet<_>>().len()
    };
    // Where what was said since the last event begins: commands and replies of one packet go out as they crossed the wire, so
    // that between events only the order within each direction is the same.
    let mut since = 0;
    for record in order {
        let head = |what: &str| format!("{} {} {what}", record.mandate.liid, number(record));
        match &record.body {
            Body::Iri(iri) => {
                let what = format!(
                    "{:?} {iri:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                    // As a PDU tells it: packets of one time are set nanoseconds apart.
                    (record.time.seconds(), record.time.subsec_micros()),
                    iri.sender,
                    iri.recipients,
                    iri.status,
                    (iri.client_octets, iri.server_octets),
                    iri.message_id,
                    iri.aaa,
                    iri.sender_validity,
                );
                told.push((head(&what), Vec::new()));
            }
            Body::Cc(cc) if cc.format == CcFormat::Application => {
                let line = head(&format!("{:?}", cc.direction));
                match told.iter_mut().skip(since).find(|(known, _)| *known == line) {
                    Some((_, octets)) => octets.extend_from_slice(cc.content.octets()),
                    None => told.push((line, cc.content.octets().to_vec())),
                }
                continue;
            }
            Body::Cc(_) => continue,
            Body::Notice(notice) => told.push((head(&format!("{notice:?}")), Vec::new())),
            Body::MessagingIri(_) | Body::MessagingCc(_) => unreachable!("the wire carries mail"),
            Body::Closed => told.push((head("closed"), Vec::new())),
        }
        since = told.len();
    }
    told.into_iter().map(|(head, octets)| format!("{head} {}", octets.escape_ascii())).collect()
}

/// The PDUs of a dialogue, one after the other: a seed for what reads PDUs.
pub fn pdus(client: u8, pieces: &[Piece<'_>], profile: Profile) -> Vec<Vec<u8>> {
    let client = CLIENTS[usize::from(client) % CLIENTS.len()];
    let server = if client.starts_with('[') { "[2001:db8:25::25]:25" } else { "192.0.2.25:25" };
    let ends = Ends { client: client.parse().expect("an address"), server: server.parse().expect("an address") };
    let index = Arc::new(TargetIndex::new(warrants()));
    let worker = Tap::new(&index, ends).run(pieces, 1400, true);
    let mut encoder = Encoder::new(&HandoverSettings::default(), profile).expect("the settings hold");
    let mut pdus = Vec::new();
    for record in &worker.records {
        encoder.encode(record, &mut pdus).expect("a record has an encoding");
    }
    pdus.into_iter().map(|pdu| pdu.octets.to_vec()).collect()
}
