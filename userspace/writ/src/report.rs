//! What `replay` prints: records as an LEMF would see them, and the counters at the end.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::bail;
use serde_json::{Map, Value, json};
use writ_handover::pdu::Interface;
use writ_handover::{Drained, Snapshot};
use writ_lemf::show;
use writ_mail::access;
use writ_mail::smtp::Anomaly;

use crate::sources::Skipped;
use crate::worker::{Flows, Worker};

/// Shows PDUs as they come.
pub struct Shown {
    json: bool,
    pdus: u64,
    failed: Option<io::Error>,
}

impl Shown {
    /// Shows lines of JSON, or a table.
    pub fn new(json: bool) -> Self {
        Self { json, pdus: 0, failed: None }
    }

    /// Shows one PDU.
    pub fn pdu(&mut self, lemf: &str, interface: Interface, octets: &[u8]) {
        let mut out = io::stdout().lock();
        let written = match writ_etsi::decode(octets) {
            Err(error) => writeln!(out, "a PDU that cannot be decoded: {error}"),
            Ok(pdu) if self.json => {
                let line = json!({ "lemf": lemf, "interface": interface.name(), "pdu": show::json(&pdu) });
                writeln!(out, "{}", show::json_line(&line))
            }
            Ok(pdu) => {
                if self.pdus == 0 {
                    writeln!(out, "{:<10} {:<3} what an LEMF sees", "LEMF", "HI").ok();
                }
                writeln!(out, "{lemf:<10} {:<3} {}", interface.name(), show::line(&pdu))
            }
        };
        self.pdus += 1;
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }

    /// Says what went wrong while showing, and ends the table.
    pub fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        match self.failed.take() {
            Some(error) => Err(error),
            None if self.pdus > 0 && !self.json => writeln!(out),
            None => Ok(()),
        }
    }
}

/// Whether delivery came to its end within the time that it had.
///
/// # Errors
/// When something is left, or nobody can tell whether an LEMF read it: what that is.
pub fn delivered(drained: &Drained, within: Duration) -> anyhow::Result<()> {
    let pdus: u64 = drained.undelivered.iter().map(|left| left.pdus).sum();
    if pdus > 0 || drained.records > 0 {
        bail!("{pdus} PDUs and {} records were not delivered within {} s", drained.records, within.as_secs());
    }
    for kept in &drained.kept {
        tracing::info!(lemf = kept.lemf, interface = kept.interface.name(), pdus = kept.pdus, "kept in the spool");
    }
    if drained.unconfirmed > 0 {
        bail!("an LEMF reset its connection again and again, and perhaps did not read {} PDUs", drained.unconfirmed);
    }
    Ok(())
}

/// Counters with their names.
pub type Named = Vec<(&'static str, u64)>;

/// The protocols by their names in metrics, in the order of [`Tally::anomalies`].
pub const PROTOCOLS: [&str; 3] = ["smtp", "pop3", "imap4"];

/// What one worker has counted, or several together.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Frames, packets, streams.
    pub wire: Named,
    /// Sessions, messages, records.
    pub intercept: Named,
    /// What the protocols do not allow, of SMTP, POP3 and IMAP4.
    pub anomalies: [Named; 3],
    /// Flows in the table now.
    pub open_flows: u64,
    /// Octets held now.
    pub held_octets: u64,
}

impl Tally {
    /// Reads the counters of a worker and its flows.
    pub fn read(wire: &Flows, worker: &Worker, skipped: Skipped) -> Self {
        let mut seen = Named::new();
        wire.counters().each(|name, count| seen.push((name, count)));
        seen.extend([
            ("unknown_link", skipped.unknown_link),
            ("carried", skipped.carried),
            ("carry_dropped", skipped.carry_dropped),
            ("given_up", skipped.given_up),
            ("let_go_packets", skipped.aside.let_go_packets),
            ("let_go_failed", skipped.aside.let_go_failed),
            ("let_go_gave_way", skipped.aside.let_go_gave_way),
            ("let_go_evicted", skipped.aside.let_go_evicted),
            ("let_go_no_room", skipped.aside.let_go_no_room),
        ]);
        let mut intercept = Named::new();
        worker.counters().each(|name, count| intercept.push((name, count)));
        intercept.push(("records_dropped", worker.records_dropped()));
        let counters = worker.counters();
        let of_access = |counts: [u64; access::Anomaly::ALL.len()]| {
            access::Anomaly::ALL.iter().zip(counts).map(|(kind, count)| (kind.name(), count)).collect()
        };
        let anomalies = [
            Anomaly::ALL.iter().zip(counters.anomalies).map(|(kind, count)| (kind.name(), count)).collect(),
            of_access(counters.pop3_anomalies),
            of_access(counters.imap_anomalies),
        ];
        let (open_flows, held_octets) = (wire.open_flows() as u64, wire.held_octets() as u64);
        Self { wire: seen, intercept, anomalies, open_flows, held_octets }
    }

    /// Adds what another worker counted.
    pub fn add(&mut self, other: &Self) {
        let sum = |to: &mut Named, from: &Named| {
            if to.is_empty() {
                to.clone_from(from);
            } else {
                // Both lists come from the same code, so they name the same counters in the same order.
                to.iter_mut().zip(from).for_each(|((_, count), (_, more))| *count += more);
            }
        };
        sum(&mut self.wire, &other.wire);
        sum(&mut self.intercept, &other.intercept);
        self.anomalies.iter_mut().zip(&other.anomalies).for_each(|(to, from)| sum(to, from));
        self.open_flows += other.open_flows;
        self.held_octets += other.held_octets;
    }

    /// As a few lines of text: those that are not 0.
    pub fn text(&self, delivery: &Snapshot) -> String {
        let mut text = String::new();
        for (title, counters) in self.groups(delivery) {
            let mut line = format!("{title:<10}");
            for (name, count) in counters.iter().filter(|(_, count)| *count > 0) {
                // Writing to a string cannot fail.
                let _ = write!(line, " {name}={count}");
            }
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// As one line of JSON: all of them.
    pub fn json(&self, delivery: &Snapshot) -> Value {
        let groups = self.groups(delivery).into_iter().map(|(title, counters)| {
            let counters: Map<String, Value> = counters.into_iter().map(|(name, count)| (name, json!(count))).collect();
            (title, Value::Object(counters))
        });
        json!({ "counters": groups.collect::<Map<String, Value>>() })
    }

    /// Those of each protocol under its name.
    fn anomalies_named(&self) -> Vec<(String, u64)> {
        let of = PROTOCOLS.iter().zip(&self.anomalies);
        of.flat_map(|(protocol, counters)| {
            counters.iter().map(move |(name, count)| (format!("{protocol}_{name}"), *count))
        })
        .collect()
    }

    fn groups(&self, delivery: &Snapshot) -> Vec<(String, Vec<(String, u64)>)> {
        let named = |counters: &Named| counters.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let mut groups = vec![
            ("seen".to_owned(), named(&self.wire)),
            ("matched".to_owned(), named(&self.intercept)),
            ("anomalies".to_owned(), self.anomalies_named()),
            ("delivery".to_owned(), delivery.core.named().map(|(name, count)| (name.to_owned(), count)).collect()),
        ];
        for lemf in &delivery.lemfs {
            let mut counters: Vec<(String, u64)> = Vec::new();
            for interface in [Interface::Hi2, Interface::Hi3] {
                counters.extend(
                    lemf.of(interface).named().map(|(name, count)| (format!("{}.{name}", interface.name()), count)),
                );
            }
            groups.push((lemf.name.clone(), counters));
        }
        groups
    }
}
