//! POP3 (RFC 1939): messages are the answers to RETR, parts of them those to TOP.

use std::collections::VecDeque;

use crate::smtp::{EndOfData, Found, Lines, Side, Sink, SmtpEvent};

/// Commands that wait for their answer. Beyond it the oldest is taken as answered.
const MAX_OUTSTANDING: usize = 1024;

/// What the server will answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Line,
    /// More lines follow `+OK`.
    Lines,
    Message,
    Part,
    /// A SASL exchange: each `+ ` is followed by a line of the client that is no command.
    Auth,
}

/// What the server's next octets are.
enum State {
    Answer,
    /// Lines up to the one with a single dot.
    Lines,
    /// The same, and the lines are a message or a part of one.
    Message {
        dots: EndOfData,
        whole: bool,
    },
}

/// The state of one session.
pub struct Pop3Reader {
    client: Lines,
    server: Lines,
    state: State,
    outstanding: VecDeque<Awaited>,
    /// The client's next line answers a challenge.
    challenged: bool,
    messages: u64,
}

impl Default for Pop3Reader {
    fn default() -> Self {
        Self {
            client: Lines::default(),
            server: Lines::default(),
            state: State::Answer,
            outstanding: VecDeque::new(),
            challenged: false,
            messages: 0,
        }
    }
}

impl Pop3Reader {
    /// Takes the next octets that one end sent.
    pub fn octets(&mut self, side: Side, mut octets: &[u8], sink: Sink<'_>) {
        while !octets.is_empty() {
            octets = match (side, &mut self.state) {
                (Side::Client, _) => self.client_line(octets, sink),
                (Side::Server, State::Message { dots, whole }) => {
                    let whole = *whole;
                    match dots.take(octets, &mut |part| sink(SmtpEvent::Octets(part))) {
                        Found::More => return,
                        Found::End { taken } => {
                            self.state = State::Answer;
                            let number = self.messages.saturating_sub(1);
                            sink(if whole { SmtpEvent::Complete(number) } else { SmtpEvent::Part(number) });
                            octets.get(taken..).unwrap_or_default()
                        }
                    }
                }
                (Side::Server, State::Answer | State::Lines) => self.server_line(octets, sink),
            };
        }
    }

    /// Octets of one end are missing here. A message that they are missing from is a part of it.
    pub fn gap(&mut self, side: Side, sink: Sink<'_>) {
        let lines = if side == Side::Client { &mut self.client } else { &mut self.server };
        lines.flush(&mut |octets| sink(SmtpEvent::Line { side, octets }));
        if let (Side::Server, State::Message { dots, whole }) = (side, &mut self.state) {
            *whole = false;
            dots.restart();
        }
    }

    /// The session is over: what is unfinished stays so.
    pub fn finish(&mut self, sink: Sink<'_>) {
        if let State::Message { .. } = self.state {
            self.state = State::Answer;
            sink(SmtpEvent::Abandoned(self.messages.saturating_sub(1)));
        }
        for (side, lines) in [(Side::Client, &mut self.client), (Side::Server, &mut self.server)] {
            lines.flush(&mut |octets| sink(SmtpEvent::Line { side, octets }));
        }
    }

    fn client_line<'o>(&mut self, octets: &'o [u8], sink: Sink<'_>) -> &'o [u8] {
        let mut awaited = None;
        let rest = self.client.take(octets, &mut |line, whole| {
            sink(SmtpEvent::Line { side: Side::Client, octets: line });
            awaited = whole.then(|| of_command(line));
        });
        if let Some(awaited) = awaited
            && !std::mem::take(&mut self.challenged)
        {
            if self.outstanding.len() >= MAX_OUTSTANDING {
                self.outstanding.pop_front();
            }
            self.outstanding.push_back(awaited);
        }
        rest
    }

    fn server_line<'o>(&mut self, octets: &'o [u8], sink: Sink<'_>) -> &'o [u8] {
        let (mut answer, mut ends) = (None, false);
        let rest = self.server.take(octets, &mut |line, whole| {
            sink(SmtpEvent::Line { side: Side::Server, octets: line });
            ends = whole && line == b".";
            answer = whole.then(|| Answer::of(line));
        });
        match (&self.state, answer) {
            (State::Lines, _) if ends => self.state = State::Answer,
            (State::Answer, Some(answer)) => self.answered(answer, sink),
            _ => {}
        }
        rest
    }

    fn answered(&mut self, answer: Answer, sink: Sink<'_>) {
        if answer == Answer::Challenge && self.outstanding.front() == Some(&Awaited::Auth) {
            self.challenged = true;
            return;
        }
        let awaited = self.outstanding.pop_front();
        if answer != Answer::Ok {
            return;
        }
        match awaited {
            Some(Awaited::Lines) => self.state = State::Lines,
            Some(Awaited::Message | Awaited::Part) => {
                sink(SmtpEvent::Begin { message: self.messages, side: Side::Server });
                self.messages += 1;
                self.state = State::Message { dots: EndOfData::default(), whole: awaited == Some(Awaited::Message) };
            }
            _ => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Ok,
    Refused,
    Challenge,
}

impl Answer {
    fn of(line: &[u8]) -> Self {
        match line {
            [b'+', b'O' | b'o', ..] => Self::Ok,
            [b'+', ..] => Self::Challenge,
            _ => Self::Refused,
        }
    }
}

fn of_command(line: &[u8]) -> Awaited {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let verb = words.next().unwrap_or_default().to_ascii_uppercase();
    let alone = words.next().is_none();
    match verb.as_slice() {
        b"RETR" => Awaited::Message,
        b"TOP" => Awaited::Part,
        b"CAPA" => Awaited::Lines,
        b"LIST" | b"UIDL" | b"LANG" | b"AUTH" if alone => Awaited::Lines,
        b"AUTH" => Awaited::Auth,
        _ => Awaited::Line,
    }
}
