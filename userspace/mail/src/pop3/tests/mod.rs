//! Dialogues, written as the two ends spoke them, and what the machine must say of each.

mod limits;
mod logins;
mod loss;
mod octets;
mod responses;
mod secrets;

use proptest::prelude::*;
use writ_wire::{Direction, Time};

use super::{Limits, Pop3, Verb};
use crate::access::{Event, Login, Machine, Scheme, TransferKind, TransferResult};
use crate::line::At;
use crate::sasl::{Keep, Outcome};

use Direction::{FromClient, FromServer};

/// One turn of a dialogue: octets of one side, or of which side how many are missing.
#[derive(Clone, Debug)]
enum Turn {
    Says(Direction, Vec<u8>),
    Gap(Direction, u64),
}

/// `C: text` and `S: text` lines; `C! text` is sent without a line end, `C~ text` with a bare LF; `C? 10` are ten octets that
/// were not captured. Lines of one side are one turn, but for those after an empty line.
fn dialogue(script: &str) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut fresh = true;
    for line in script.trim().lines().map(str::trim_start) {
        if line.is_empty() {
            fresh = true;
            continue;
        }
        let (letter, rest) = line.split_at(1);
        let from = if letter == "C" { FromClient } else { FromServer };
        let (kind, text) = rest.split_at(1);
        let text = text.strip_prefix(' ').unwrap_or(text);
        if kind == "?" {
            turns.push(Turn::Gap(from, text.parse().unwrap()));
            continue;
        }
        let end = match kind {
            "!" => "",
            "~" => "\n",
            _ => "\r\n",
        };
        let octets = format!("{text}{end}").replace("\\0", "\0").into_bytes();
        match turns.last_mut() {
            Some(Turn::Says(of, turn)) if *of == from && !fresh => turn.extend(octets),
            _ => turns.push(Turn::Says(from, octets)),
        }
        fresh = false;
    }
    turns
}

/// A short line for each event that matters; octets of one side that follow each other are one line.
#[derive(Default)]
struct Notes {
    lines: Vec<String>,
    octets: Option<(Direction, u64, Vec<u8>)>,
    /// Octets of each side that were told, as stretches of its stream.
    told: Vec<(Direction, u64, u64)>,
    /// Whether an exchange had more steps than are held.
    cut: bool,
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).replace("\r\n", "|").replace('\n', "/")
}

impl Notes {
    fn flush(&mut self) {
        if let Some((from, _, octets)) = self.octets.take() {
            let side = if from == FromClient { "C" } else { "S" };
            self.lines.push(format!("{side} {}", text(&octets)));
        }
    }

    fn take(&mut self, event: &Event<'_>) {
        if let Event::Octets(said) = event {
            assert_eq!(said.wire.end - said.wire.start, said.octets.len() as u64);
            self.told.push((said.from, said.wire.start, said.wire.end));
            match &mut self.octets {
                Some((from, end, octets)) if *from == said.from && *end == said.wire.start => {
                    octets.extend(said.octets);
                    *end = said.wire.end;
                }
                _ => {
                    self.flush();
                    self.octets = Some((said.from, said.wire.end, said.octets.to_vec()));
                }
            }
            return;
        }
        self.flush();
        let note = match event {
            Event::Greeting { logged_in, .. } => format!("greeting {logged_in}"),
            Event::Login(login) => self.login(login),
            Event::Transfer(transfer) => {
                let kind = if transfer.kind == TransferKind::Download { "RETR" } else { "TOP" };
                format!(
                    "{kind} {:?} {}+{} {} {}",
                    transfer.result,
                    transfer.client_octets,
                    transfer.server_octets,
                    transfer.sender.as_deref().unwrap_or("-"),
                    transfer.message_id.as_deref().map_or("-".into(), text)
                )
            }
            Event::Ahead => "ahead".into(),
            Event::Settled { .. } => ";".to_owned(),
            Event::Logoff(end) => format!("logoff {:?} {}+{}", end.result, end.client_octets, end.server_octets),
            Event::Dark { .. } => "dark".to_owned(),
            Event::Lost { from, octets, .. } => format!("lost {from:?} {octets}"),
            Event::Anomaly(anomaly) => format!("! {}", anomaly.name()),
            Event::Octets(_) | Event::LoggedOut(_) | Event::UrlContent(_) | Event::Capabilities { .. } => {
                unreachable!()
            }
        };
        self.lines.push(note);
    }

    fn login(&mut self, login: &Login) -> String {
        self.cut |= matches!(&login.scheme, Scheme::Sasl(exchange) if exchange.cut > 0);
        let steps = login.redacted(Keep::Username);
        for step in &steps {
            self.told.push((step.from, step.offset, step.offset + step.octets.len() as u64));
        }
        let spoken: Vec<String> = steps.iter().map(|step| text(&step.octets)).collect();
        let name = login.identity().map_or("-".to_owned(), |identity| identity.login.clone());
        let kind = if matches!(login.scheme, Scheme::Sasl(_)) { "sasl" } else { "login" };
        format!("{kind} {name} {:?} {}", login.outcome, spoken.concat())
    }
}

/// Feeds turns, those of octets in pieces of at most `piece`; a turn that a gap follows is only ended by it.
fn feed(pop3: &mut Pop3, turns: &[Turn], piece: usize, tell: &mut dyn FnMut(Event<'_>)) {
    let mut offsets = [0_u64; 2];
    for (number, turn) in turns.iter().enumerate() {
        let time = Time::from_nanos(number as u64);
        match turn {
            Turn::Says(from, octets) => {
                for octets in octets.chunks(piece.max(1)) {
                    let offset = &mut offsets[usize::from(*from == FromServer)];
                    let at = At { time, offset: *offset };
                    *offset += octets.len() as u64;
                    match from {
                        FromClient => pop3.client(at, octets, tell),
                        FromServer => pop3.server(at, octets, tell),
                    }
                }
            }
            Turn::Gap(from, octets) => {
                offsets[usize::from(*from == FromServer)] += octets;
                pop3.gap(*from, time, *octets, tell);
            }
        }
    }
    pop3.close(Time::from_nanos(turns.len() as u64), tell);
}

fn notes_of(from_start: bool, turns: &[Turn], piece: usize) -> Notes {
    let mut notes = Notes::default();
    feed(&mut Pop3::new(from_start, Limits::default()), turns, piece, &mut |event| notes.take(&event));
    notes.flush();
    notes
}

/// Every octet of a whole session is told once.
fn assert_all_told(turns: &[Turn], notes: &Notes) {
    for side in [FromClient, FromServer] {
        let sent: usize = turns
            .iter()
            .map(|turn| match turn {
                Turn::Says(from, octets) if *from == side => octets.len(),
                _ => 0,
            })
            .sum();
        let mut told: Vec<_> = notes.told.iter().filter(|told| told.0 == side).map(|told| (told.1, told.2)).collect();
        told.sort_unstable();
        let end = told.iter().fold(0, |end, &(from, to)| {
            assert_eq!(from, end, "{side:?}: {:?}", notes.lines);
            to
        });
        assert_eq!(end, sent as u64, "{side:?}: {:?}", notes.lines);
    }
}

/// What is said of a session, in whatever pieces it comes.
fn run(script: &str) -> Vec<String> {
    let turns = dialogue(script);
    let whole = notes_of(true, &turns, usize::MAX);
    if !whole.lines.iter().any(|line| line == "dark") && !turns.iter().any(|turn| matches!(turn, Turn::Gap(..))) {
        assert_all_told(&turns, &whole);
    }
    for piece in [1, 2, 3, 7, 19] {
        assert_eq!(notes_of(true, &turns, piece).lines, whole.lines, "in pieces of {piece}");
    }
    // Every position at which a turn can be cut in two.
    for (number, turn) in turns.iter().enumerate() {
        let Turn::Says(from, octets) = turn else { continue };
        for cut in 1..octets.len() {
            let mut turns = turns.clone();
            let (a, b) = octets.split_at(cut);
            turns.splice(number..=number, [Turn::Says(*from, a.to_vec()), Turn::Says(*from, b.to_vec())]);
            assert_eq!(notes_of(true, &turns, usize::MAX).lines, whole.lines, "turn {number} cut at {cut}");
        }
    }
    whole.lines
}

/// The same after a login, without it and what comes before.
fn run_in_mailbox(script: &str) -> Vec<String> {
    let login = "
        S: +OK ready
        C: USER alice
        S: +OK
        C: PASS s3cret
        S: +OK in";
    let notes = run(&format!("{login}\n{script}"));
    let login = ["S +OK ready|", "greeting false", "login alice Succeeded USER alice|+OK|PASS ******|+OK in|", ";"];
    assert_eq!(notes[..4], login);
    notes[4..].to_vec()
}

/// TS 102 232-2 clause B.6.
#[test]
fn the_example_of_the_standard() {
    let notes = run("
        S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
        C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
        S: +OK mrose's maildrop has 2 messages (320 octets)
        C: STAT
        S: +OK 2 320
        C: LIST
        S: +OK 2 messages (320 octets)
        S: 1 120
        S: 2 200
        S: .
        C: RETR 1
        S: +OK 120 octets
        S: From: <a@example.org>
        S: Message-ID: <1@example.org>
        S:
        S: text
        S: .
        C: DELE 1
        S: +OK message 1 deleted
        C: TOP 2 10
        S: +OK top of message follows
        S: From: <b@example.org>
        S:
        S: ten lines
        S: .
        C: DELE 2
        S: +OK message 2 deleted
        C: QUIT
        S: +OK dewey POP3 server signing off (maildrop empty)");
    assert_eq!(
        notes,
        [
            "S +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>|",
            "greeting false",
            "login mrose Succeeded APOP mrose ********************************|\
             +OK mrose's maildrop has 2 messages (320 octets)|",
            ";",
            "C STAT|",
            "S +OK 2 320|",
            ";",
            "C LIST|",
            "S +OK 2 messages (320 octets)|1 120|2 200|.|",
            ";",
            "C RETR 1|",
            "S +OK 120 octets|From: <a@example.org>|Message-ID: <1@example.org>||text|.|",
            "RETR Succeeded 8+79 a@example.org <1@example.org>",
            ";",
            "C DELE 1|",
            "S +OK message 1 deleted|",
            ";",
            "C TOP 2 10|",
            "S +OK top of message follows|From: <b@example.org>||ten lines|.|",
            "TOP Succeeded 10+67 b@example.org -",
            ";",
            "C DELE 2|",
            "S +OK message 2 deleted|",
            ";",
            "C QUIT|",
            "S +OK dewey POP3 server signing off (maildrop empty)|",
            "logoff Succeeded 6+52",
            ";",
        ]
    );
}
