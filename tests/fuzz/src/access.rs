//! What the machines of POP3 and IMAP4 have in common: what they say does not depend on how the octets are cut, they hold no
//! more than their limits, and every octet that they tell of is told once.
//!
//! The input is a header (whether the beginning was captured, and the size of the cuts) and pieces.

use writ_mail::access::{Event, Login, Machine, Octets, Scheme};
use writ_mail::sasl::{Exchange, Step};
use writ_wire::{Direction, Time};

use crate::choices::Choices;
use crate::memory;
use crate::pieces::{self, Given, Piece};
use crate::streams::side;

/// An event as text. Octets of one side that follow each other are put together, however they came.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) lines: Vec<String>,
    octets: Option<(Direction, u64, Time, Vec<u8>)>,
    /// How far each side's stream was read as it is on the wire, and the stretches of it that were told.
    told: [Vec<(u64, u64)>; 2],
    /// What was sent of URLs.
    urls: Vec<(Vec<u8>, Vec<u8>)>,
    /// The last octets of the client's commands.
    last: Vec<u8>,
    /// Whether the octets may be inflated (RFC 4978): then they stand nowhere on the wire, and each stretch of it is told as often
    /// as it says something.
    pub(crate) inflates: bool,
}

impl Log {
    pub(crate) fn flush(&mut self) {
        if let Some((from, offset, time, octets)) = self.octets.take() {
            self.lines.push(format!("{from:?} at {offset} {time:?}: {}", text_of(&octets)));
        }
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) {
        if let Event::Octets(said) = event {
            let start = if self.inflates { 0 } else { said.wire.start };
            if !self.inflates {
                self.told[side(said.from)].push((said.wire.start, said.wire.end));
            }
            match &mut self.octets {
                Some((from, offset, time, held))
                    if *from == said.from
                        && *time == said.time
                        && (self.inflates || *offset + held.len() as u64 == start) =>
                {
                    held.extend_from_slice(said.octets);
                }
                _ => {
                    self.flush();
                    self.octets = Some((said.from, start, said.time, said.octets.to_vec()));
                }
            }
            self.look_for_compression(said);
            return;
        }
        if let Event::UrlContent(content) = event {
            // Cut as the octets are.
            let whole = content.at == 0;
            match self.urls.last_mut() {
                Some((url, octets)) if !whole && url == content.url => octets.extend_from_slice(content.octets),
                _ => self.urls.push((content.url.to_vec(), content.octets.to_vec())),
            }
            return;
        }
        self.flush();
        // What waits for an answer at the end is counted as it crossed the wire, or as it was inflated, where that was done.
        if self.inflates && matches!(event, Event::Lost { from: Direction::FromClient, .. }) {
            return;
        }
        let text = match event {
            Event::Capabilities { unauthenticate } => format!("capabilities {unauthenticate}"),
            Event::Greeting { logged_in, time } => format!("greeting {logged_in} {time:?}"),
            Event::Login(login) => self.login(login),
            Event::LoggedOut(closing) => format!("logged out {closing:?}"),
            Event::Transfer(transfer) => format!(
                "{:?} {:?} {:?} {:?} {:?}",
                transfer.kind,
                transfer.result,
                (transfer.client_octets, transfer.server_octets, transfer.first, transfer.last),
                transfer.sender,
                transfer.message_id.as_deref().map(text_of)
            ),
            Event::Ahead => "ahead".into(),
            Event::Settled { time } => format!("settled {time:?}"),
            Event::Logoff(closing) => format!("logoff {closing:?}"),
            Event::Dark { compressed } => format!("dark {compressed}"),
            Event::Lost { from, time, octets, in_literal } => format!("lost {from:?} {time:?} {octets} {in_literal}"),
            Event::Anomaly(anomaly) => format!("{anomaly:?}"),
            Event::Octets(_) | Event::UrlContent(_) => unreachable!("told above"),
        };
        self.lines.push(text);
    }

    fn look_for_compression(&mut self, said: &Octets<'_>) {
        const WORD: &[u8] = b"COMPRESS";
        if said.from == Direction::FromClient && !self.inflates {
            for octet in said.octets {
                self.last.push(octet.to_ascii_uppercase());
                let end = self.last.len().saturating_sub(WORD.len());
                self.last.drain(..end);
                self.inflates |= self.last == WORD;
            }
        }
    }

    fn login(&mut self, login: &Login) -> String {
        let steps: Vec<&Step> = match &login.scheme {
            Scheme::Clear(clear) => clear.spoken.iter().map(|spoken| &spoken.step).collect(),
            Scheme::Sasl(Exchange { steps, .. }) => steps.iter().collect(),
        };
        let mut text = format!("login {:?} {:?} {:?}", login.outcome, login.octets(), login.times());
        for step in steps {
            if !login.inflated && !self.inflates {
                self.told[side(step.from)].push((step.offset, step.offset + step.octets.len() as u64));
            }
            let offset = if self.inflates { 0 } else { step.offset };
            text += &format!(" {:?} {offset} {}", step.from, text_of(&step.octets));
        }
        text
    }

    /// No octet is told twice.
    fn assert_told_once(&mut self) {
        for told in &mut self.told {
            told.sort_unstable();
            for pair in told.windows(2) {
                assert!(pair[0].1 <= pair[1].0, "told twice: {pair:?}\n{:#?}", self.lines);
            }
        }
    }
}

fn text_of(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}

/// How octets were cut makes no difference, but where a compressed stream has a fault: how much of what came before it was
/// inflated depends on the inflater's own window.
pub(crate) fn assert_same(whole: &[String], in_cuts: &[String], cut: usize) {
    let is_broken = |lines: &[String]| lines.iter().any(|line| line == "BrokenCompression");
    if is_broken(whole) {
        assert!(is_broken(in_cuts), "broken in pieces of {cut}");
    } else {
        assert_eq!(whole, in_cuts, "in pieces of {cut}");
    }
}

/// Feeds pieces, cut to at most `cut` octets each.
pub(crate) fn feed(machine: &mut dyn Machine, pieces: &[Piece<'_>], cut: usize, tell: &mut dyn FnMut(Event<'_>)) {
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

/// Runs an input through machines with limits that no input reaches, and through one with limits that are soon reached, which
/// may hold `most_held` octets besides a piece that it is just being given.
pub fn run<M: Machine>(input: &[u8], ample: impl Fn(bool) -> M, tight: impl Fn(bool) -> M, most_held: usize) {
    let mut choices = Choices::new(input);
    let bits = choices.octet();
    let from_start = bits & 1 == 0;
    let cut = 1 + usize::from(bits >> 1 & 7);
    let pieces = pieces::read(&mut choices);
    let log_of = |cut| {
        let mut log = Log::default();
        feed(&mut ample(from_start), &pieces, cut, &mut |event| log.event(&event));
        log.flush();
        log.assert_told_once();
        let Log { mut lines, urls, .. } = log;
        lines.extend(urls.iter().map(|(url, octets)| format!("{}: {}", text_of(url), text_of(octets))));
        lines
    };
    // What was left out at a limit may depend on the cuts; the rest does not.
    assert_same(&log_of(usize::MAX), &log_of(cut), cut);

    let longest = pieces.iter().map(|piece| if let Piece::Octets(_, octets) = piece { octets.len() } else { 0 }).max();
    let before = memory::allocated();
    let mut machine = tight(from_start);
    let mut most = before;
    feed(&mut machine, &pieces, cut, &mut |_| most = most.max(memory::allocated()));
    most = most.max(memory::allocated());
    let held = most.saturating_sub(before);
    assert!(held <= most_held + 2 * longest.unwrap_or(0), "{held} octets held");
}
