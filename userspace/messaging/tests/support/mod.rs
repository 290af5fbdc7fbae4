//! A messaging system, warrants, and what comes out.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use serde_json::{Value, json};
use writ_intercept::address::Form;
use writ_intercept::messaging::{MessagingCc, MessagingIri};
use writ_intercept::record::{Body, CcFormat, Cin, Deliver, IriType, Mandate, Record};
use writ_intercept::warrant::AuthenticationData;
use writ_intercept::{CinSource, Target, TargetIndex, Warrant};
use writ_messaging::{Messaging, Settings, Taken, read};
use writ_wire::Time;

/// CINs from 1.
#[derive(Default)]
pub struct Cins(Cell<u32>);

impl CinSource for Cins {
    fn next_cin(&self) -> Cin {
        self.0.set(self.0.get() + 1);
        Cin(self.0.get())
    }
}

/// 2026, whole.
pub fn warrant(liid: &str, deliver: Deliver, targets: impl IntoIterator<Item = Target>) -> Warrant {
    let warrant = Warrant {
        mandate: Arc::new(Mandate { liid: liid.into(), authorization_country: "NL".into(), lemf: 0 }),
        start: Time::from_parts(1_767_225_600, 0),
        end: Time::from_parts(1_798_761_600, 0),
        deliver,
        cc_format: CcFormat::Application,
        authentication_data: AuthenticationData::Username,
        report_failed_sends: false,
        form: Form::default(),
        targets: targets.into_iter().collect(),
        revoked: AtomicBool::new(false),
    };
    assert_eq!(warrant.check(), Ok(()));
    warrant
}

pub fn cc(liid: &str, targets: impl IntoIterator<Item = Target>) -> Warrant {
    warrant(liid, Deliver::IriAndCc, targets)
}

pub fn iri(liid: &str, targets: impl IntoIterator<Item = Target>) -> Warrant {
    warrant(liid, Deliver::Iri, targets)
}

pub fn number(text: &str) -> Target {
    Target::Number(text.into())
}

pub fn mailbox(identifier: &str) -> Target {
    Target::Box { identifier: identifier.into(), system: None }
}

/// The target of most tests, and somebody else.
pub const TARGET: &str = "+31612345678";
pub const OTHER: &str = "+31201234567";

pub fn base64(octets: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(octets)
}

/// Everything from JSON to records.
pub struct Room {
    pub index: Arc<TargetIndex>,
    pub messaging: Messaging<Cins>,
    pub records: Vec<Record>,
    /// When the next request comes.
    pub now: Time,
    events: u32,
}

impl Room {
    pub fn new(warrants: Vec<Warrant>) -> Self {
        Self::with(warrants, Settings::default())
    }

    pub fn with(warrants: Vec<Warrant>, settings: Settings) -> Self {
        Self {
            index: Arc::new(TargetIndex::new(Warrant::replace(&[], warrants))),
            messaging: Messaging::new(settings, Cins::default(), &[7; 32]),
            records: Vec::new(),
            now: Time::from_parts(1_795_342_500, 0),
            events: 0,
        }
    }

    /// An event that the target takes part in, as whoever acts, with its own `id` and one second after the last.
    pub fn event(&mut self, kind: &str, event: &str) -> Value {
        self.events += 1;
        json!({
            "id": format!("event-{}", self.events),
            "system": "vm-1",
            "time": format!("2026-11-22T10:{:02}:{:02}Z", self.events / 60, self.events % 60),
            "event": { kind: event },
            "status": "operation-succeeded",
            "trigger": "user",
            "parties": [party("originating-party", TARGET)],
        })
    }

    pub fn say(&mut self, request: &Value) -> Vec<Taken> {
        let items = read(request.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}: {request}"));
        items
            .iter()
            .map(|item| {
                let cover = self.messaging.cover(item, &self.index, self.now);
                let taken = self.messaging.take(item, &cover, self.now, &mut self.records);
                taken.said.into_iter().for_each(|said| self.messaging.kept(said, self.now));
                taken
            })
            .collect()
    }

    /// Says something and gives what came of it.
    pub fn of(&mut self, request: &Value) -> Vec<Record> {
        self.say(request);
        std::mem::take(&mut self.records)
    }
}

pub fn party(qualifier: &str, msisdn: &str) -> Value {
    json!({ "qualifier": qualifier, "identity": { "msisdn": msisdn } })
}

pub fn iri_of(record: &Record) -> &MessagingIri {
    match &record.body {
        Body::MessagingIri(iri) => iri,
        other => panic!("no IRI: {other:?}"),
    }
}

pub fn cc_of(record: &Record) -> &MessagingCc {
    match &record.body {
        Body::MessagingCc(cc) => cc,
        other => panic!("no CC: {other:?}"),
    }
}

/// The only IRI among records.
pub fn only(records: &[Record]) -> &MessagingIri {
    let [record] = records else { panic!("{} records", records.len()) };
    iri_of(record)
}

/// CIN, type and `event-identifier` of each IRI.
pub fn placed(records: &[Record]) -> Vec<(u32, IriType, u32)> {
    let is_iri = |record: &&Record| matches!(record.body, Body::MessagingIri(_));
    let of = |record: &Record| (record.cin.0, iri_of(record).record_type, iri_of(record).event_identifier);
    records.iter().filter(is_iri).map(of).collect()
}
