//! Dialogues, written as the two ends spoke them, and what the machine must say of each.

mod bodies;
mod ends;
mod limits;
mod logins;
mod loss;
mod octets;
mod proof;
mod sessions;
mod smuggling;

use proptest::prelude::*;
use writ_wire::{Direction, Time};

use super::{Answered, Event, Fate, Limits, Smtp, Verb};
use crate::head::HeadReader;
use crate::line::At;
use crate::sasl::Keep;

const AT: At = At { time: Time::MIN, offset: 0 };

/// `C: text` and `S: text` lines; `C! text` is sent without a line end.
fn dialogue(script: &str) -> Vec<(Direction, Vec<u8>)> {
    let side = |letter| if letter == "C" { Direction::FromClient } else { Direction::FromServer };
    let mut turns: Vec<(Direction, Vec<u8>)> = Vec::new();
    for line in script.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
        let (letter, rest) = line.split_at(1);
        let text = rest[1..].strip_prefix(' ').unwrap_or(&rest[1..]);
        let end = if rest.starts_with('!') { "" } else { "\r\n" };
        let octets = format!("{text}{end}").replace("\\n", "\n").replace("\\0", "\0").into_bytes();
        match turns.last_mut() {
            Some((from, turn)) if *from == side(letter) => turn.extend(octets),
            _ => turns.push((side(letter), octets)),
        }
    }
    turns
}

/// A short line for each event that matters.
fn note(event: &Event<'_>, notes: &mut Vec<String>) {
    match event {
        Event::Greeting(reply) => notes.push(format!("greeting {}", reply.code)),
        Event::Command(command) => {
            let text = String::from_utf8_lossy(command.line.text()).into_owned();
            notes.push(format!("{}> {text}", command.transaction));
        }
        Event::Reply { to, reply } => {
            let code = reply.map_or("lost".into(), |reply| reply.code.to_string());
            match to {
                Answered::Command(command) => notes.push(format!("{}< {code}", command.transaction)),
                Answered::EndOfData { transaction } => notes.push(format!("{transaction}< {code} data")),
            }
        }
        Event::Body { transaction, octets, .. } => {
            // Octet by octet: a piece can end inside a character.
            let text: String = octets.iter().map(|&octet| char::from(octet)).collect();
            match notes.last_mut() {
                Some(last) if last.starts_with(&format!("{transaction}= ")) => last.push_str(&text),
                _ => notes.push(format!("{transaction}= {text}")),
            }
        }
        Event::Message { transaction, fate, head, .. } => {
            let id = head.message_id.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
            notes.push(format!("{transaction} {fate:?} {id}").trim_end().to_owned());
        }
        Event::Recipient { transaction, number, fate } => notes.push(format!("{transaction} #{number} {fate:?}")),
        Event::Auth { exchange, outcome, .. } => {
            let who = exchange.identity().map(|identity| identity.login.clone());
            notes.push(format!("auth {:?} {who:?} {outcome:?}", exchange.mechanism));
        }
        Event::Dark => notes.push("dark".into()),
        Event::Lost { from, octets, .. } => notes.push(format!("lost {from:?} {octets}")),
        Event::Anomaly(anomaly) => notes.push(format!("! {}", anomaly.name())),
    }
}

fn run_turns(turns: &[(Direction, Vec<u8>)], piece: usize) -> Vec<String> {
    let mut smtp = Smtp::new(true, Limits::default());
    let mut notes = Vec::new();
    for (from, octets) in turns {
        for octets in octets.chunks(piece) {
            match from {
                Direction::FromClient => smtp.client(AT, octets, &mut |event| note(&event, &mut notes)),
                Direction::FromServer => smtp.server(AT, octets, &mut |event| note(&event, &mut notes)),
            }
        }
    }
    smtp.close(Time::MIN, &mut |event| note(&event, &mut notes));
    notes
}

fn run(script: &str) -> Vec<String> {
    let turns = dialogue(script);
    let whole = run_turns(&turns, usize::MAX);
    for piece in [1, 2, 3, 7, 19] {
        assert_eq!(run_turns(&turns, piece), whole, "in pieces of {piece}");
    }
    whole
}

#[test]
fn a_plain_message() {
    let notes = run("
        S: 220 mx
        C: HELO c
        S: 250 mx
        C: MAIL FROM:<a@x>
        S: 250 ok
        C: RCPT TO:<b@y>
        S: 250 ok
        C: DATA
        S: 354 go
        C: Message-ID: <1@x>
        C:
        C: ..dot
        C: .
        S: 250 queued
        C: QUIT
        S: 221 bye");
    assert_eq!(
        notes,
        [
            "greeting 220",
            "0> HELO c",
            "0< 250",
            "1> MAIL FROM:<a@x>",
            "1< 250",
            "1> RCPT TO:<b@y>",
            "1< 250",
            "1> DATA",
            "1< 354",
            "1= Message-ID: <1@x>\r\n\r\n..dot\r\n.\r\n",
            "1< 250 data",
            "1 Accepted <1@x>",
            "1> QUIT",
            "1< 221"
        ]
    );
}

/// What a client of its own choice sends in one write: a message with a line of its own kind, a second envelope and message behind
/// it, and the end that all know.
fn smuggled(line: &str) -> Vec<u8> {
    format!("text{line}MAIL FROM:<b@x>\r\nRCPT TO:<c@y>\r\nDATA\r\nother\r\n.\r\n").into_bytes()
}

const LOOSE: [&str; 8] = ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r.\n"];

const TO_DATA: &str = "S: 220 mx\nC: MAIL FROM:<a@x>\nS: 250 ok\nC: DATA\nS: 354 go";

/// The dialogue up to DATA, then what the two ends say, whole and in pieces.
fn after_data(turns: &[(Direction, &[u8])]) -> Vec<String> {
    let mut all = dialogue(TO_DATA);
    all.extend(turns.iter().map(|(from, octets)| (*from, octets.to_vec())));
    let whole = run_turns(&all, usize::MAX);
    for piece in [1, 2, 3, 7, 19] {
        assert_eq!(run_turns(&all, piece), whole, "in pieces of {piece}");
    }
    whole[5..].to_vec()
}

/// The sender and the octets of each.
type Messages = Vec<(String, String)>;

/// Each message that notes tell of that was accepted: its sender and its octets.
fn messages(notes: &[String]) -> Messages {
    let text_of = |start: &str| notes.iter().filter_map(|note| note.strip_prefix(start)).collect::<String>();
    let accepted = notes.iter().filter_map(|note| note.strip_suffix(" Accepted"));
    accepted
        .map(|transaction| (text_of(&format!("{transaction}> MAIL FROM:")), text_of(&format!("{transaction}= "))))
        .collect()
}

fn owned<const N: usize>(messages: [(&str, &str); N]) -> Messages {
    messages.map(|(sender, text)| (sender.to_owned(), text.to_owned())).to_vec()
}

/// Turns and gaps as they come, `?` for lost octets of the server and `!` for lost octets of the client.
fn run_lossy(turns: &[(&str, &str)]) -> Vec<String> {
    let mut smtp = Smtp::new(true, Limits::default());
    let mut notes = Vec::new();
    let mut tell = |event: Event<'_>| note(&event, &mut notes);
    for (kind, text) in turns {
        match *kind {
            "C" => smtp.client(AT, text.as_bytes(), &mut tell),
            "S" => smtp.server(AT, text.as_bytes(), &mut tell),
            "?" => smtp.gap(Direction::FromServer, Time::MIN, 10, &mut tell),
            _ => smtp.gap(Direction::FromClient, Time::MIN, 10, &mut tell),
        }
    }
    smtp.close(Time::MIN, &mut tell);
    notes.retain(|note| !note.starts_with("lost") && !note.starts_with("greeting"));
    notes
}

/// What a session says is known to be commands: the mailboxes and logins of which somebody could be a target.
fn certain(turns: &[(&str, &str)]) -> Vec<String> {
    certain_of(Smtp::new(true, Limits::default()), turns)
}

fn certain_of(mut smtp: Smtp, turns: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    let mut tell = |event: Event<'_>| match event {
        Event::Command(command) if command.is_certain => {
            if let Verb::Mail(path) | Verb::Rcpt(path) = &command.verb {
                found.push(path.mailbox.to_string());
            }
        }
        Event::Auth { exchange, .. } => found.extend(exchange.identity().map(|identity| identity.login.to_string())),
        _ => {}
    };
    for (from, text) in turns {
        match *from {
            "C" => smtp.client(AT, text.as_bytes(), &mut tell),
            "S" => smtp.server(AT, text.as_bytes(), &mut tell),
            _ => smtp.gap(Direction::FromClient, Time::MIN, text.len() as u64, &mut tell),
        }
    }
    smtp.close(Time::MIN, &mut tell);
    found
}
