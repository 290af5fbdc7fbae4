//! The SMTP machine: what it says does not depend on how the octets are cut, and it holds no more than its limits.
//!
//! The input is a header (whether the beginning was captured, and the size of the cuts) and pieces.

use writ_mail::Line;
use writ_mail::sasl::Step;
use writ_mail::smtp::{Answered, Event, Limits, Reply, Smtp};
use writ_wire::Direction;

use crate::choices::Choices;
use crate::memory;
use crate::pieces::{self, Given, Piece};

/// Limits that no input here reaches: what was left out at a limit may depend on the cuts.
const AMPLE: Limits = Limits { line: 1 << 20, pending: 1 << 16, pending_octets: 8 << 20, stalled: 64 << 20 };
/// Limits that are soon reached.
const TIGHT: Limits = Limits { line: 64, pending: 4, pending_octets: 256, stalled: 512 };
/// What a session with tight limits may hold, in octets, besides a piece that it is just being given. Most of it is, for each
/// message that waits for its reply, five fields of its head of up to 8 KiB each.
const MOST_HELD: usize = 256 << 10;

/// An event as text. Octets of a body are put together, however they came.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
    body: Option<(u32, u64, Vec<u8>)>,
}

impl Log {
    fn flush(&mut self) {
        if let Some((transaction, offset, octets)) = self.body.take() {
            self.lines.push(format!("body of {transaction} at {offset}: {:?}", octets.escape_ascii().to_string()));
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        if let Event::Body { transaction, at, octets } = event {
            match &mut self.body {
                Some((of, offset, held)) if of == transaction && *offset + held.len() as u64 == at.offset => {
                    held.extend_from_slice(octets);
                }
                _ => {
                    self.flush();
                    self.body = Some((*transaction, at.offset, octets.to_vec()));
                }
            }
            return;
        }
        self.flush();
        let text = match event {
            Event::Greeting(reply) => format!("greeting {}", reply_text(reply)),
            Event::Command(command) => {
                format!("{:?} in {} {}", command.verb, command.transaction, line_text(&command.line))
            }
            Event::Reply { to, reply } => {
                let to = match to {
                    Answered::Command(command) => line_text(&command.line),
                    Answered::EndOfData { transaction } => format!("end of {transaction}"),
                };
                format!("reply to {to}: {:?}", reply.map(reply_text))
            }
            Event::Recipient { transaction, number, fate } => format!("recipient {transaction} {number} {fate:?}"),
            Event::Message { transaction, time, fate, head } => {
                let fields = [&head.message_id, &head.resent_message_id, &head.from, &head.date, &head.resent_date];
                format!(
                    "message {transaction} {time:?} {fate:?} {:?}",
                    fields.map(|field| field.as_deref().map(text_of))
                )
            }
            Event::Auth { exchange, outcome, code } => {
                let step = |step: &Step| {
                    let times = (step.offset, step.first, step.last);
                    format!("{:?} {times:?} {} {:?}", step.from, text_of(&step.octets), step.payload)
                };
                let steps: Vec<_> = exchange.steps.iter().map(step).collect();
                format!("auth {:?} {steps:?} {} {outcome:?} {code}", exchange.mechanism, exchange.cut)
            }
            Event::Lost { from, time, octets, transaction } => {
                format!("lost {from:?} {time:?} {octets} {transaction:?}")
            }
            Event::Dark => "dark".to_owned(),
            Event::Anomaly(anomaly) => format!("{anomaly:?}"),
            Event::Body { .. } => unreachable!("told above"),
        };
        self.lines.push(text);
    }
}

fn text_of(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}

fn line_text(line: &Line) -> String {
    format!("{} {:?}", text_of(&line.octets), (line.cut, line.offset, line.first, line.last))
}

fn reply_text(reply: &Reply) -> String {
    format!("{} {} {:?}", reply.code, text_of(&reply.octets), (reply.cut, reply.offset, reply.first, reply.last))
}

/// Feeds pieces, cut to at most `cut` octets each.
fn feed(machine: &mut Smtp, pieces: &[Piece<'_>], cut: usize, tell: &mut dyn FnMut(Event<'_>)) {
    pieces::feed(pieces, cut, &mut |given| {
        match given {
            Given::Octets(Direction::FromClient, at, octets) => machine.client(at, octets, tell),
            Given::Octets(Direction::FromServer, at, octets) => machine.server(at, octets, tell),
            Given::Gap(from, time, octets) => machine.gap(from, time, octets, tell),
            Given::End(time) => machine.close(time, tell),
        }
        let _ = (machine.is_quiet(), machine.is_dark());
    });
}

fn log_of(pieces: &[Piece<'_>], from_start: bool, cut: usize) -> Vec<String> {
    let mut log = Log::default();
    feed(&mut Smtp::new(from_start, AMPLE), pieces, cut, &mut |event| log.event(&event));
    log.flush();
    log.lines
}

/// Runs an input.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let bits = choices.octet();
    let from_start = bits & 1 == 0;
    let cut = 1 + usize::from(bits >> 1 & 7);
    let pieces = pieces::read(&mut choices);

    let whole = log_of(&pieces, from_start, usize::MAX);
    let in_cuts = log_of(&pieces, from_start, cut);
    assert_eq!(whole, in_cuts, "in pieces of {cut}");

    let longest = pieces.iter().map(|piece| if let Piece::Octets(_, octets) = piece { octets.len() } else { 0 }).max();
    let before = memory::allocated();
    let mut machine = Smtp::new(from_start, TIGHT);
    let mut most = before;
    feed(&mut machine, &pieces, cut, &mut |_| most = most.max(memory::allocated()));
    most = most.max(memory::allocated());
    let held = most.saturating_sub(before);
    assert!(held <= MOST_HELD + 2 * longest.unwrap_or(0), "{held} octets held");
}
