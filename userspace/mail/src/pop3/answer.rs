//! The server's side: responses, and what each of them settles.

use writ_wire::{Direction, Time};

use super::body::Body;
use super::command::{Verb, forwarded, resembles_login};
use super::said::Said;
use super::screen::Screen;
use super::{Mode, Pending, Pop3};
use crate::access::{Anomaly, Closing, Event, Layer, Octets, Tell, Transfer, TransferKind, TransferResult};
use crate::line::At;
use crate::sasl::Outcome;

/// The longest first line of a response (RFC 2449 §4).
const LONGEST_STATUS: u64 = 512;

/// What the first line of a response says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    Err,
    /// A SASL challenge (RFC 5034 §4).
    Challenge,
    /// No first line of a response.
    Stray,
}

impl Status {
    fn of(text: &[u8]) -> Self {
        let word = text.get(..3).unwrap_or_default();
        match text {
            _ if word.eq_ignore_ascii_case(b"+OK") => Self::Ok,
            [b'-', ..] => Self::Err,
            [b'+'] | [b'+', b' ' | b'\t', ..] => Self::Challenge,
            _ => Self::Stray,
        }
    }
}

/// A multi-line response that is being read.
pub(super) struct Answering {
    /// What it answers; `None` where that is not known.
    command: Option<Asked>,
    pub(super) body: Body,
    /// Octets of the status line.
    status: u64,
    /// Octets of it that were seen after the status line.
    pub(super) seen: u64,
    /// Octets of it that were not captured.
    pub(super) lost: u64,
    /// Whether what was lost may hold its end and more.
    pub(super) doubtful: bool,
    /// Whether it may repeat what was overwritten.
    pub(super) is_hidden: bool,
    /// Reads it while it is not known what it answers.
    pub(super) screen: Screen,
    /// The time of the packet with the last octet that was seen.
    last: Time,
}

/// The command that a response answers.
pub(super) struct Asked {
    verb: Verb,
    octets: u64,
    first: Time,
}

impl Asked {
    pub(super) fn by(verb: Verb, said: &Said) -> Self {
        Self { verb, octets: said.line.wire_octets(), first: said.line.first }
    }
}

impl Answering {
    /// Of a response of which `lost` octets, its first line among them, were not captured.
    pub(super) fn in_the_middle(command: Option<Asked>, lost: u64, time: Time) -> Self {
        let body = Body::in_the_middle();
        let mut screen = Screen::default();
        screen.in_a_line();
        Self { command, body, status: 0, seen: 0, lost, doubtful: true, is_hidden: false, screen, last: time }
    }

    pub(super) fn answers_nothing(&self) -> bool {
        self.command.is_none()
    }
}

/// How a multi-line response came to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By the line with a single dot, or as the client took it.
    Found,
    /// It was not captured, as the client's going on tells.
    NotCaptured,
    /// With the connection.
    BrokenOff,
}

impl Pop3 {
    pub(super) fn read_server(&mut self, start: At, octets: &[u8], tell: Tell<'_>) {
        let mut rest = octets;
        if let Some(&first) = octets.first() {
            if std::mem::take(&mut self.maybe_tls) {
                // Handshake or alert (RFC 8446 §5.1). A response of POP3 starts otherwise.
                if matches!(first, 0x15 | 0x16) {
                    self.go_dark(tell);
                } else {
                    self.mode = Mode::Command;
                }
            }
            self.server_began = true;
            self.heard = true;
        }
        while let Some(&first) = rest.first() {
            let at = start.plus(octets.len() - rest.len());
            if self.layer != Layer::None && self.layer_begins(first, tell) {
                return;
            }
            if matches!(self.mode, Mode::Dark | Mode::Unsynced) {
                self.matching.server_spoke(rest);
                return;
            }
            if self.answering.is_none() && self.server.is_empty() {
                let is_unsure = self.greeting_due || self.matching.is_lost();
                if is_unsure && matches!(first, 0x14..=0x17) {
                    self.go_dark(tell);
                    return;
                }
                if self.may_go_on && !matches!(first, b'+' | b'-') {
                    self.more_lines(at.time, false);
                }
            }
            if self.answering.is_some() {
                self.read_lines(at, &mut rest, tell);
                continue;
            }
            let before = rest;
            let said = self.server.take(at, &mut rest, self.limits.line);
            self.matching.server_spoke(before.get(..before.len() - rest.len()).unwrap_or_default());
            if let Some(said) = said {
                self.status(said, tell);
                self.resume(tell);
            }
        }
    }

    /// Lines follow that nothing announced.
    fn more_lines(&mut self, time: Time, bare: bool) {
        self.may_go_on = false;
        let body = Body::new(bare, false);
        self.answering = Some(Box::new(Answering {
            command: None,
            body,
            status: 0,
            seen: 0,
            lost: 0,
            doubtful: false,
            is_hidden: self.hides_lines(),
            screen: Screen::default(),
            last: time,
        }));
    }

    /// Whether lines that answer no command that is known may repeat what was overwritten. Once octets are missing they are the
    /// inside of a message as a rule.
    fn hides_lines(&self) -> bool {
        self.hidden && (self.outside || self.refused_hidden || !self.matching.ever_lost())
    }

    /// Whether the text of what answers nothing that is known may repeat what was overwritten, or is to be.
    pub(super) fn hides_answers(&self) -> bool {
        // An unfinished line of the client that is answered was not captured whole.
        self.hidden || !self.logged_in || !self.client.is_empty() || !self.pending.iter().all(Pending::is_harmless)
    }

    /// Octets of a multi-line response.
    fn read_lines(&mut self, at: At, rest: &mut &[u8], tell: Tell<'_>) {
        let hides = self.hides_answers();
        let Some(answering) = &mut self.answering else { return };
        let end = answering.body.scan(rest);
        let (octets, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
        *rest = after;
        answering.seen += octets.len() as u64;
        answering.last = at.time;
        self.matching.server_spoke(octets);
        let wire = at.offset..at.offset + octets.len() as u64;
        let is_unknown = answering.doubtful || answering.answers_nothing();
        let screened = is_unknown.then(|| answering.screen.read(octets));
        let masked = if answering.is_hidden { Some(masked(octets)) } else { screened.filter(|_| hides) };
        let octets = masked.as_deref().unwrap_or(octets);
        tell(Event::Octets(Octets { from: Direction::FromServer, time: at.time, wire, inflated: false, octets }));
        if end.is_some() {
            self.lines_ended(End::Found, tell);
            self.resume(tell);
        }
    }

    /// A multi-line response is over.
    pub(super) fn lines_ended(&mut self, end: End, tell: Tell<'_>) {
        let Some(answering) = self.answering.take() else { return };
        let time = answering.last;
        if let Some(asked) = answering.command.as_ref().filter(|asked| asked.verb.is_transfer()) {
            let is_sent = match end {
                End::Found => true,
                // No refusal is so long.
                End::NotCaptured => answering.status > 0 || answering.seen + answering.lost > LONGEST_STATUS,
                End::BrokenOff => {
                    answering.seen + answering.lost > if answering.status > 0 { 0 } else { LONGEST_STATUS }
                }
            };
            // Of a capture of the client alone what was asked for is all that is known.
            let is_sent = is_sent || !self.heard;
            let is_whole = end == End::Found && !answering.doubtful;
            let head = if end == End::Found { answering.body.into_head() } else { answering.body.into_head_if_done() };
            if is_sent {
                tell(Event::Transfer(&Transfer {
                    kind: if asked.verb == Verb::Top { TransferKind::PartialDownload } else { TransferKind::Download },
                    result: if is_whole { TransferResult::Succeeded } else { TransferResult::Unknown },
                    client_octets: asked.octets,
                    server_octets: answering.status + answering.seen + answering.lost,
                    first: asked.first,
                    last: time,
                    sender: head.sender().map(|sender| String::from_utf8_lossy(sender).into_owned()),
                    message_id: head.identifier().map(Into::into),
                }));
            }
        }
        tell(Event::Settled { time });
    }

    /// A line that is not inside a multi-line response.
    fn status(&mut self, mut said: Said, tell: Tell<'_>) {
        if said.line.cut > 0 {
            tell(Event::Anomaly(Anomaly::LongLine));
        }
        let status = Status::of(said.text());
        self.refused_hidden &= matches!(status, Status::Stray | Status::Challenge);
        let time = said.line.last;
        if self.greeting_due {
            said.tell(Direction::FromServer, tell);
            if matches!(status, Status::Ok | Status::Err) {
                self.greeting_due = false;
                tell(Event::Greeting { logged_in: false, time });
            } else {
                tell(Event::Anomaly(Anomaly::StrayServerLine));
            }
            return;
        }
        self.may_go_on = false;
        if status == Status::Err && self.may_refuse_header_or_more() {
            self.forget_header();
            self.lose_place(time, tell);
        }
        self.pass_over_blanks(status, tell);
        let verb = self.pending.front().map(|pending| pending.verb);
        match (verb, status) {
            (Some(Verb::Auth), Status::Challenge) => {
                self.add_challenge(said, status);
                self.mode = Mode::Response;
            }
            (Some(Verb::Auth), Status::Stray) => self.add_challenge(said, status),
            (Some(Verb::Auth), Status::Ok) if self.may_ask_on() => {
                self.add_challenge(said, status);
                self.mode = Mode::Response;
                self.asks_on = Some(time);
            }
            (Some(Verb::Auth), Status::Ok | Status::Err) => {
                self.pop_pending();
                if status == Status::Ok && self.mode != Mode::Waiting {
                    // The client said something that was not captured, if only to be told so when more of it comes.
                    self.break_exchange(time, tell);
                }
                self.add_challenge(said, status);
                self.end_exchange(outcome(status == Status::Ok), time, tell);
            }
            (Some(_), Status::Ok | Status::Err) => self.answered(said, status == Status::Ok, tell),
            (Some(_), Status::Stray | Status::Challenge) => {
                if self.hides_lines() || !self.pending.iter().all(Pending::is_harmless) {
                    said.mask();
                }
                said.tell(Direction::FromServer, tell);
                if self.matching.ever_lost() {
                    // What was taken for the place of an answer is the inside of one.
                    self.lose_place(time, tell);
                    self.inside_lines(&said);
                } else {
                    tell(Event::Anomaly(Anomaly::StrayServerLine));
                }
            }
            (None, _) => self.unasked(said, status, tell),
        }
    }

    /// A line that answers nothing that is known.
    fn unasked(&mut self, mut said: Said, status: Status, tell: Tell<'_>) {
        let time = said.line.last;
        match status {
            Status::Ok | Status::Err if self.hides_answers() => {
                said.mask_text();
                self.refused_hidden = status == Status::Err;
            }
            Status::Stray | Status::Challenge if self.hides_lines() => said.mask(),
            _ => {}
        }
        said.tell(Direction::FromServer, tell);
        if matches!(status, Status::Ok | Status::Err) {
            if !self.matching.ever_lost() {
                tell(Event::Anomaly(Anomaly::UnaskedReply));
            }
            self.may_go_on = status == Status::Ok;
        } else if self.matching.ever_lost() {
            self.inside_lines(&said);
        } else {
            tell(Event::Anomaly(Anomaly::StrayServerLine));
        }
        tell(Event::Settled { time });
    }

    /// A line shows that it, and what follows, is inside a multi-line response.
    fn inside_lines(&mut self, said: &Said) {
        if said.text() != b"." {
            self.more_lines(said.line.last, !said.line.octets.ends_with(b"\r\n"));
        }
    }

    /// The command that has waited longest is answered.
    fn answered(&mut self, mut answer: Said, ok: bool, tell: Tell<'_>) {
        let time = answer.line.last;
        let Some(Pending { verb, said, before_loss, .. }) = self.pop_pending() else { return };
        let Some(said) = said else {
            // A header was refused.
            answer.tell(Direction::FromServer, tell);
            return tell(Event::Settled { time });
        };
        if verb.decides() {
            self.mode = Mode::Command;
        }
        match verb {
            Verb::User => return self.user(said, Some((answer, ok)), before_loss, tell),
            Verb::Pass | Verb::Apop => return self.log_in(verb, said, Some(answer), outcome(ok), tell),
            _ => self.settle_attempt(verb, ok, tell),
        }
        let asked = Asked::by(verb, &said);
        if self.tell_command(verb, said, tell) || (self.hidden && !ok) {
            answer.mask_text();
            self.refused_hidden = !ok;
        }
        answer.tell(Direction::FromServer, tell);
        let status = answer.line.wire_octets();
        if ok && verb.is_multi_line() {
            let body = Body::new(!answer.line.octets.ends_with(b"\r\n") && answer.line.cut == 0, verb.is_transfer());
            self.answering = Some(Box::new(Answering {
                command: Some(asked),
                body,
                status,
                seen: 0,
                lost: 0,
                doubtful: false,
                is_hidden: false,
                screen: Screen::default(),
                last: time,
            }));
            return;
        }
        self.may_go_on = ok && verb.is_open();
        if verb == Verb::Quit {
            // Also where it could not remove all messages, the server ends the session (RFC 1939 §6).
            let (client_octets, first) = (asked.octets, asked.first);
            let result = if ok { TransferResult::Succeeded } else { TransferResult::Failed };
            let closing = Closing { result, client_octets, server_octets: status, first, last: time };
            tell(Event::Logoff(closing));
        }
        tell(Event::Settled { time });
        if verb == Verb::Stls && ok {
            self.go_dark(tell);
        }
    }

    /// Tells the octets of a command that is none of a login; whether they are overwritten.
    pub(super) fn tell_command(&mut self, verb: Verb, mut said: Said, tell: Tell<'_>) -> bool {
        let hides = verb == Verb::Unknown || resembles_login(verb, said.text());
        if hides {
            said.mask();
            self.hidden = true;
        } else if verb == Verb::Xclient {
            let secret = forwarded(said.text());
            self.hidden |= !secret.is_empty();
            said.mask_part(secret);
        }
        said.tell(Direction::FromClient, tell);
        hides
    }
}

/// Octets with `*` in place of each that ends no line.
fn masked(octets: &[u8]) -> Vec<u8> {
    octets.iter().map(|&octet| if matches!(octet, b'\r' | b'\n') { octet } else { b'*' }).collect()
}

fn outcome(ok: bool) -> Outcome {
    if ok { Outcome::Succeeded } else { Outcome::Failed }
}
