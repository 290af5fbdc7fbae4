//! Records as text, and what must hold of any.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use writ_intercept::record::{Aaa, Body, CcFormat, Direction, Iri, Notice, Record};
use writ_wire::Time;

use super::{Play, START, packet};

/// As a PDU tells it.
fn seconds(time: Time) -> String {
    let (whole, rest) = (time.seconds() - START, time.subsec_micros());
    if rest == 0 { format!("@{whole}") } else { format!("@{whole}.{rest:06}") }
}

fn aaa(aaa: &Aaa) -> String {
    let text = |octets: &Option<Vec<u8>>| octets.as_ref().map(|octets| String::from_utf8_lossy(octets).into_owned());
    let mut shown = format!(" aaa={}/{:?}/{:?}", aaa.username, aaa.method, aaa.result);
    if let Some(password) = &aaa.password {
        shown += &format!("/password={password}");
    }
    for field in [text(&aaa.challenge), text(&aaa.response)].into_iter().flatten() {
        shown += &format!("/{field}");
    }
    shown
}

fn iri(iri: &Iri) -> String {
    let mut shown = format!("{:?} {:?} {:?}", iri.record_type, iri.event, iri.status);
    if let Some(sender) = &iri.sender {
        shown += &format!(" from=<{sender}>");
    }
    if let Some(total) = iri.total_recipients {
        let some = iri.recipients.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(",");
        shown += &format!(" to={some} n={total}");
    }
    if let Some(id) = &iri.message_id {
        shown += &format!(" id={}", String::from_utf8_lossy(id));
    }
    if let Some(validity) = iri.sender_validity {
        shown += &format!(" {validity:?}");
    }
    shown + &iri.aaa.as_ref().map(aaa).unwrap_or_default()
}

fn head(record: &Record) -> String {
    format!("{}#{} {}", record.mandate.liid, record.cin.0, seconds(record.time))
}

impl Play {
    /// IRI and notices, a line each, without counts of octets: `LIID#CIN @second …`.
    pub fn told(&self) -> Vec<String> {
        let line = |record: &Record| match &record.body {
            Body::Iri(told) => Some(format!("{} {}", head(record), iri(told))),
            Body::Notice(Notice::OctetsMissed { octets, from_client }) => {
                Some(format!("{} missed {octets} {}", head(record), if *from_client { "client" } else { "server" }))
            }
            Body::Notice(Notice::OctetsNotHeld { octets }) => Some(format!("{} not held {octets}", head(record))),
            Body::Notice(Notice::SessionDropped) => Some(format!("{} dropped", head(record))),
            Body::Cc(_) | Body::MessagingIri(_) | Body::MessagingCc(_) | Body::Closed => None,
        };
        self.room.records.iter().filter_map(line).collect()
    }

    /// The events alone, in order: `Begin Logon Succeeded`.
    pub fn events(&self) -> Vec<String> {
        let event = |record: &Record| match &record.body {
            Body::Iri(iri) => Some(format!("{:?} {:?} {:?}", iri.record_type, iri.event, iri.status)),
            _ => None,
        };
        self.room.records.iter().filter_map(event).collect()
    }

    pub fn iris(&self) -> Vec<&Iri> {
        self.room
            .records
            .iter()
            .filter_map(|r| if let Body::Iri(iri) = &r.body { Some(&**iri) } else { None })
            .collect()
    }

    /// Content in application form under one warrant: what went from the target after `>`, what went to it after `<`.
    pub fn content(&self, liid: &str) -> String {
        let mut shown = String::new();
        let mut last = None;
        for record in self.room.records.iter().filter(|record| record.mandate.liid == liid) {
            let Body::Cc(cc) = &record.body else { continue };
            assert_eq!(cc.format, CcFormat::Application);
            if last.replace(cc.direction) != Some(cc.direction) {
                shown += if cc.direction == Direction::FromTarget { ">" } else { "<" };
            }
            shown += &String::from_utf8_lossy(cc.content.octets()).replace("\r\n", "\n");
        }
        shown
    }

    /// Octets of content under one warrant.
    pub fn content_octets(&self, liid: &str) -> u64 {
        let of = self.room.records.iter().filter(|record| record.mandate.liid == liid);
        of.filter_map(|r| if let Body::Cc(cc) = &r.body { Some(cc.content.octets().len() as u64) } else { None }).sum()
    }

    /// Content as packets under one warrant: second, direction, payload.
    pub fn packets(&self, liid: &str) -> Vec<String> {
        let mut shown = Vec::new();
        for record in self.room.records.iter().filter(|record| record.mandate.liid == liid) {
            let Body::Cc(cc) = &record.body else { continue };
            assert_eq!(cc.format, CcFormat::IpPacket);
            let payload = String::from_utf8_lossy(packet::payload(cc.content.octets())).replace("\r\n", "\n");
            let arrow = if cc.direction == Direction::FromTarget { '>' } else { '<' };
            shown.push(format!("{} {arrow}{payload}", seconds(record.time)));
        }
        shown
    }

    /// Asserts that no record holds `secret`, as it is or inside base64.
    pub fn nowhere(&self, secret: &str) {
        let mut needles = vec![secret.as_bytes().to_vec()];
        // Within base64 a text looks different at each of three places; the octets at its ends hang on its neighbours.
        for lead in 0..3 {
            let padded = [&b"\0\0"[..lead], secret.as_bytes()].concat();
            let encoded = STANDARD_NO_PAD.encode(&padded).into_bytes();
            let from = (lead * 8).div_ceil(6);
            let to = padded.len() * 8 / 6;
            needles.push(encoded[from..to].to_vec());
        }
        for record in &self.room.records {
            let octets = everything(record);
            for needle in needles.iter().filter(|needle| needle.len() >= 4) {
                let found = octets.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle));
                assert!(!found, "{secret} in {record:?}: {}", String::from_utf8_lossy(&octets));
            }
        }
    }
}

/// Every octet of a record that a PDU could carry.
fn everything(record: &Record) -> Vec<u8> {
    let mut all = record.mandate.liid.clone().into_bytes();
    match &record.body {
        Body::Iri(iri) => {
            let aaa = iri.aaa.as_ref();
            let texts = iri.sender.iter().chain(&iri.recipients).chain(aaa.map(|aaa| &aaa.username));
            texts.chain(aaa.and_then(|aaa| aaa.password.as_ref())).for_each(|text| all.extend(text.bytes().chain([0])));
            let octets = iri.message_id.iter().chain(aaa.and_then(|aaa| aaa.challenge.as_ref()));
            octets.chain(aaa.and_then(|aaa| aaa.response.as_ref())).for_each(|octets| all.extend(octets));
        }
        Body::Cc(cc) => all.extend(cc.content.octets()),
        Body::Notice(_) | Body::MessagingIri(_) | Body::MessagingCc(_) | Body::Closed => {}
    }
    all
}

/// What must hold of the records of a capture: one CIN a session and warrant, closed once and last; times within the second
/// in which something happened; no content under a warrant for IRI.
pub fn check(records: &[Record]) {
    let mut owners: HashMap<u32, &str> = HashMap::new();
    let mut closed: HashMap<u32, bool> = HashMap::new();
    for record in records {
        let owner = owners.entry(record.cin.0).or_insert(&record.mandate.liid);
        assert_eq!(*owner, record.mandate.liid, "a CIN is of one warrant");
        let is_closed = closed.entry(record.cin.0).or_default();
        assert!(!*is_closed, "nothing after the close");
        *is_closed = matches!(record.body, Body::Closed);
        let shown = format!("{record:?}");
        assert!(
            !shown.contains('@') && !shown.contains(&format!("{:?}", record.mandate.liid)),
            "Debug tells nothing: {shown}"
        );
    }
    assert!(closed.values().all(|closed| *closed), "each is closed");
}

impl Play {
    /// Everything handed over under one warrant, in order: events with their octets, and content, a line a record.
    pub fn sequence(&self, liid: &str) -> Vec<String> {
        let line = |record: &Record| match &record.body {
            Body::Iri(told) => Some(format!("{} {}+{}", iri(told), told.client_octets, told.server_octets)),
            Body::Cc(cc) => {
                let arrow = if cc.direction == Direction::FromTarget { '>' } else { '<' };
                let text = String::from_utf8_lossy(cc.content.octets()).replace("\r\n", "|");
                Some(format!("{arrow}{text}"))
            }
            Body::Notice(notice) => Some(format!("{notice:?}")),
            Body::MessagingIri(_) | Body::MessagingCc(_) => unreachable!("the wire carries mail"),
            Body::Closed => Some(format!("closed {}", record.cin.0)),
        };
        self.room.records.iter().filter(|record| record.mandate.liid == liid).filter_map(line).collect()
    }
}
