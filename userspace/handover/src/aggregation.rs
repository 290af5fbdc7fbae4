//! Several payloads of one communication in one PDU, each with its own time.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use writ_etsi::asn1::{Additions, GeneralizedTime};
use writ_etsi::{CcPayload, IriPayload, MicroSecondTimeStamp, Payload, Profile};
use writ_intercept::record::Mandate;
use writ_wire::Time;

use crate::agreement::AggregateSettings;
use crate::sequence::Line;

/// One payload.
pub(crate) enum Piece {
    Iri(IriPayload),
    Cc(CcPayload),
}

/// Payloads that wait for others. Those of one communication and interface are of one kind.
pub(crate) struct Waiting {
    pub(crate) mandate: Arc<Mandate>,
    pieces: Vec<(Time, Piece)>,
    octets: usize,
    /// Tells this wait from an earlier one of the same line.
    since: Time,
}

/// What waits, of one LEMF.
pub(crate) struct Aggregation {
    settings: AggregateSettings,
    waiting: HashMap<Line, Waiting>,
    /// When each has waited long enough, in order of time.
    due: VecDeque<(Time, Line)>,
}

impl Aggregation {
    pub(crate) fn new(settings: AggregateSettings) -> Self {
        Self { settings, waiting: HashMap::new(), due: VecDeque::new() }
    }

    /// Whether a payload of so many octets has to wait for what is there to go first.
    pub(crate) fn is_full(&self, line: Line, octets: usize) -> bool {
        self.waiting.get(&line).is_some_and(|waiting| waiting.octets + octets > self.settings.octets)
    }

    /// Takes a payload. `true`: there is no room for another.
    pub(crate) fn add(
        &mut self,
        line: Line,
        mandate: &Arc<Mandate>,
        time: Time,
        octets: usize,
        piece: Piece,
        now: Time,
    ) -> bool {
        let waiting = self.waiting.entry(line).or_insert_with(|| {
            self.due.push_back((now.after(self.settings.delay), line));
            Waiting { mandate: Arc::clone(mandate), pieces: Vec::new(), octets: 0, since: now }
        });
        waiting.pieces.push((time, piece));
        waiting.octets += octets;
        waiting.octets >= self.settings.octets
    }

    /// What waits of a line.
    pub(crate) fn take(&mut self, line: Line) -> Option<Waiting> {
        self.waiting.remove(&line)
    }

    /// A line that has waited long enough.
    pub(crate) fn due(&mut self, now: Time) -> Option<Line> {
        while let Some((at, line)) = self.due.pop_front_if(|(at, _)| *at <= now) {
            if self.waiting.get(&line).is_some_and(|waiting| waiting.since.after(self.settings.delay) == at) {
                return Some(line);
            }
        }
        None
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        self.due.front().map(|(at, _)| *at)
    }

    /// Every line of which something waits.
    pub(crate) fn open(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = self.waiting.keys().copied().collect();
        lines.sort_unstable();
        lines
    }
}

impl Waiting {
    /// The time of the first payload, which is the PDU's, and all of them as the payload of one PDU. One that is alone
    /// needs no time of its own.
    pub(crate) fn into_payload(self, profile: Profile) -> Option<(Time, Payload)> {
        let alone = self.pieces.len() == 1;
        let time = self.pieces.first()?.0;
        let (mut iri, mut cc) = (Vec::new(), Vec::new());
        for (time, piece) in self.pieces {
            match piece {
                Piece::Iri(mut record) => {
                    if !alone {
                        stamp_iri(&mut record, time, profile);
                    }
                    iri.push(record);
                }
                Piece::Cc(mut piece) => {
                    if !alone {
                        piece.micro_second_time_stamp = Some(stamp(time));
                    }
                    cc.push(piece);
                }
            }
        }
        Some((time, if iri.is_empty() { Payload::CcPayloadSequence(cc) } else { Payload::IriPayloadSequence(iri) }))
    }
}

/// LI-PS-PDU 14 has no `microSecondTimeStamp` in an `IRIPayload`, and says the same time as a `GeneralizedTime`.
fn stamp_iri(record: &mut IriPayload, time: Time, profile: Profile) {
    match profile {
        Profile::Current => record.micro_second_time_stamp = Some(stamp(time)),
        Profile::V331 => record.time_stamp = generalized(time),
    }
}

pub(crate) fn stamp(time: Time) -> MicroSecondTimeStamp {
    MicroSecondTimeStamp { seconds: time.seconds(), micro_seconds: time.subsec_micros(), additions: Additions::NONE }
}

pub(crate) fn generalized(time: Time) -> Option<GeneralizedTime> {
    let epoch: GeneralizedTime = "1970-01-01T00:00:00Z".parse().ok()?;
    let since = std::time::Duration::new(time.seconds(), time.subsec_micros() * 1000);
    Some(epoch + since)
}
