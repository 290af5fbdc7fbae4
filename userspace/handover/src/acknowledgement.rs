//! Acknowledgement of PDUs on one connection (TS 102 232-1: options, `pDUAcknowledgementRequest`): whether it is agreed,
//! when the LEMF is asked, and what it has acknowledged. Pure: the time comes in.
//!
//! ```text
//! optionRequest ─►  ◄─ optionResponse   optionComplete ─►  PDUs ─►  pDUAcknowledgementRequest ─►  ◄─ …Response
//! ```
//!
//! No PDU goes before the options are settled. A response has the header of its request, and stands for every PDU that
//! went before that request on this connection.

use std::collections::VecDeque;

use tokio::time::{Duration, Instant};

use crate::settings::AcknowledgementSettings;

/// Requests that may be without an answer before no more are made.
const MOST_ASKED: usize = 64;

/// What the LEMF is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// `optionRequest`.
    Options,
    /// `optionComplete`.
    Complete,
    /// `pDUAcknowledgementRequest`.
    Acknowledge,
}

/// What did not come in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// `optionResponse`: the connection goes on without acknowledgement.
    Options,
    /// `pDUAcknowledgementResponse`: the connection is over.
    Pdus,
}

/// How far the options are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A request for them is to go.
    Due,
    /// It was made, and written at that time.
    Requested(Option<Instant>),
    /// They were accepted, and `optionComplete` is to go.
    Accepted,
    /// PDUs are acknowledged.
    Agreed,
    /// They are not.
    Without,
}

/// A request that has no answer.
#[derive(Clone, Copy, Debug)]
struct Asked {
    number: u32,
    /// The place in the buffer before which it asks for everything.
    before: u64,
    /// When it was written.
    written: Option<Instant>,
}

/// The acknowledgement of one open connection.
#[derive(Debug)]
pub(crate) struct Acknowledgement {
    settings: AcknowledgementSettings,
    /// How long the answer to `optionRequest` is waited for.
    patience: Duration,
    /// Octets after which the LEMF is asked, however few PDUs they are.
    octets: usize,
    stage: Stage,
    asked: VecDeque<Asked>,
    /// The place in the buffer before which the LEMF was asked for everything.
    asked_before: u64,
    /// Since then: octets of PDUs that went, and when the first of these did.
    went: usize,
    since: Option<Instant>,
}

impl Acknowledgement {
    /// Of a connection on which it is to be agreed. `next` is the place of the first PDU that will go.
    pub(crate) fn wanted(settings: AcknowledgementSettings, patience: Duration, octets: usize, next: u64) -> Self {
        Self {
            settings,
            patience,
            octets,
            stage: Stage::Due,
            asked: VecDeque::new(),
            asked_before: next,
            went: 0,
            since: None,
        }
    }

    /// Of a connection without it.
    pub(crate) fn none(next: u64) -> Self {
        let settings = AcknowledgementSettings::default();
        Self { stage: Stage::Without, ..Self::wanted(settings, Duration::ZERO, 0, next) }
    }

    /// Whether PDUs are acknowledged.
    pub(crate) fn is_agreed(&self) -> bool {
        self.stage == Stage::Agreed
    }

    /// Whether the options are settled, so that PDUs may go.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.stage, Stage::Agreed | Stage::Without)
    }

    /// Whether the LEMF has answered every request.
    pub(crate) fn is_answered(&self) -> bool {
        self.asked.is_empty()
    }

    /// How many PDUs may go from this place on before the next request.
    pub(crate) fn room(&self, next: u64) -> usize {
        if !self.is_agreed() {
            return usize::MAX;
        }
        let went = usize::try_from(next - self.asked_before).unwrap_or(usize::MAX);
        self.settings.pdus.saturating_sub(went).max(1)
    }

    /// What is to go now, once each, where `next` is the place of the first PDU that has not gone. `pressing`: what went
    /// is asked for at once.
    pub(crate) fn due(&mut self, next: u64, pressing: bool, now: Instant) -> Option<Ask> {
        match self.stage {
            Stage::Due => {
                self.stage = Stage::Requested(None);
                Some(Ask::Options)
            }
            Stage::Accepted => {
                self.stage = Stage::Agreed;
                Some(Ask::Complete)
            }
            Stage::Agreed if next > self.asked_before && self.asked.len() < MOST_ASKED => {
                let enough = next - self.asked_before >= self.settings.pdus as u64 || self.went >= self.octets;
                let waited = self.since.is_some_and(|since| now >= since + self.settings.interval);
                (enough || waited || pressing).then_some(Ask::Acknowledge)
            }
            _ => None,
        }
    }

    /// A request with this number was made for everything before this place.
    pub(crate) fn asks(&mut self, number: u32, before: u64) {
        self.asked.push_back(Asked { number, before, written: None });
        self.asked_before = before;
        (self.went, self.since) = (0, None);
    }

    /// A PDU of so many octets went.
    pub(crate) fn went(&mut self, octets: usize, now: Instant) {
        self.went += octets;
        self.since.get_or_insert(now);
    }

    /// What was asked last is written.
    pub(crate) fn written(&mut self, now: Instant) {
        if let Stage::Requested(written) = &mut self.stage {
            *written = Some(now);
        } else if let Some(asked) = self.asked.back_mut() {
            asked.written.get_or_insert(now);
        }
    }

    /// `optionResponse` came; says whether it was awaited.
    pub(crate) fn responded(&mut self, accepted: bool) -> bool {
        let awaited = matches!(self.stage, Stage::Requested(_));
        if awaited {
            self.stage = if accepted { Stage::Accepted } else { Stage::Without };
        }
        awaited
    }

    /// `pDUAcknowledgementResponse` with this number came: the place before which the LEMF has everything. None to a
    /// number that was not asked with, or was answered.
    pub(crate) fn acknowledged(&mut self, number: u32) -> Option<u64> {
        let at = self.asked.iter().position(|asked| asked.number == number && asked.written.is_some())?;
        // An answer stands for those before it, too.
        self.asked.drain(..=at).next_back().map(|asked| asked.before)
    }

    /// When to look again, if nothing happens before. `writing`: no request can be made.
    pub(crate) fn deadline(&self, writing: bool) -> Option<Instant> {
        if let Stage::Requested(written) = self.stage {
            return written.map(|written| written + self.patience);
        }
        let answer = self.asked.front().and_then(|asked| asked.written).map(|written| written + self.settings.answer);
        let ask = self.since.filter(|_| !writing && self.is_agreed() && self.asked.len() < MOST_ASKED);
        [answer, ask.map(|since| since + self.settings.interval)].into_iter().flatten().min()
    }

    /// What has not come in time, once.
    pub(crate) fn overdue(&mut self, now: Instant) -> Option<Overdue> {
        if let Stage::Requested(written) = self.stage {
            let over = written.is_some_and(|written| now >= written + self.patience);
            if over {
                self.stage = Stage::Without;
            }
            return over.then_some(Overdue::Options);
        }
        let written = self.asked.front().and_then(|asked| asked.written)?;
        (now >= written + self.settings.answer).then_some(Overdue::Pdus)
    }
}

#[cfg(test)]
mod tests;
