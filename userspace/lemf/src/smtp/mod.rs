//! Reads an SMTP session from CC in application format: which octets are commands and replies, and which are a message.
//!
//! It is told what each end sent, in order, from `MAIL` to the reply that ends the transaction (and the authentication
//! before it). It is a reader of transcripts and no server: a session that it does not understand still becomes lines.

mod end_of_data;
mod event;
mod line;
mod words;

use std::collections::VecDeque;

pub(crate) use self::end_of_data::{EndOfData, Found};
pub use self::event::{Side, Sink, SmtpEvent};
pub(crate) use self::line::Lines;
pub use self::words::side_of;
use self::words::{Command, Looks, final_code};

/// Octets held back after `DATA` until its reply comes. A client has none to send before that (RFC 5321 §4.1.1.4).
const MAX_HELD: usize = 16 * 1024;
/// Commands that wait for their reply. Beyond it the oldest is taken as answered.
const MAX_OUTSTANDING: usize = 1024;

/// What a reply will answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Command,
    Data,
    EndOfData(u64),
    /// A chunk of a message.
    Chunk(u64),
    /// A part of a message that the server fetches.
    Burl {
        message: u64,
        last: bool,
    },
}

/// What the client's next octets are.
enum State {
    Commands,
    /// After `DATA`: what they are depends on the reply. They are held until then.
    HeldForReply(Vec<u8>),
    /// A message in lines, up to the dot.
    Data {
        dots: EndOfData,
        answer: Option<Answer>,
    },
    /// So many octets of a chunk (RFC 3030).
    Chunk {
        remaining: u64,
        last: bool,
    },
    /// So many octets that the server fetched, and the line end behind them.
    Fetched {
        remaining: u64,
    },
}

/// The reply to a message whose end was not seen.
struct Answer {
    accepted: bool,
    /// What the client sent after it, while that can still become a command.
    probe: Option<Vec<u8>>,
}

/// The state of one session.
pub struct SmtpReader {
    state: State,
    client: Lines,
    server: Lines,
    outstanding: VecDeque<Awaited>,
    /// The number of the message that is open, if one is.
    open: Option<u64>,
    /// Whether octets of it are missing.
    is_cut: bool,
    /// A chunk was refused: what is left of its transaction is no message.
    refused: bool,
    /// Parts that the server fetched, of commands that were not answered yet.
    fetched: usize,
    messages: u64,
    replies: Replies,
}

/// Whether the server's octets are part of what is read. A capture may hold one direction alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replies {
    /// None so far.
    Missing,
    Expected,
}

impl Default for SmtpReader {
    fn default() -> Self {
        Self {
            state: State::Commands,
            client: Lines::default(),
            server: Lines::default(),
            outstanding: VecDeque::new(),
            open: None,
            is_cut: false,
            refused: false,
            fetched: 0,
            messages: 0,
            replies: Replies::Missing,
        }
    }
}

impl SmtpReader {
    /// Whether neither end is within a line or a message.
    #[must_use]
    pub fn is_between_lines(&self) -> bool {
        matches!(self.state, State::Commands) && self.client.is_empty() && self.server.is_empty()
    }

    /// Takes the next octets that one end sent.
    pub fn octets(&mut self, side: Side, octets: &[u8], sink: Sink<'_>) {
        match side {
            Side::Client => self.client_octets(octets, sink),
            Side::Server => self.server_octets(octets, sink),
        }
    }

    /// So many octets of one end are missing here. In a chunk they count, so that its end is found.
    pub fn gap(&mut self, side: Side, octets: u64, sink: Sink<'_>) {
        let lines = if side == Side::Client { &mut self.client } else { &mut self.server };
        lines.flush(&mut |octets| sink(SmtpEvent::Line { side, octets }));
        if side == Side::Server {
            return;
        }
        match &mut self.state {
            State::Data { dots, .. } => {
                self.is_cut = true;
                dots.restart();
            }
            State::Chunk { remaining, last } => {
                let (rest, last) = (remaining.saturating_sub(octets), *last);
                *remaining = rest;
                self.is_cut = true;
                if rest == 0 {
                    self.end_chunk(last, sink);
                }
            }
            State::Fetched { remaining } => {
                *remaining = remaining.saturating_sub(octets);
                self.is_cut = true;
            }
            State::Commands | State::HeldForReply(_) => {}
        }
    }

    /// The session is over: what is unfinished stays so.
    pub fn finish(&mut self, sink: Sink<'_>) {
        match &mut self.state {
            State::HeldForReply(held) => {
                let held = std::mem::take(held);
                self.state = State::Commands;
                self.command_octets(&held, sink);
            }
            State::Data { .. } => self.flush_probe(sink),
            State::Commands | State::Chunk { .. } | State::Fetched { .. } => {}
        }
        self.abandon(sink);
        for (side, lines) in [(Side::Client, &mut self.client), (Side::Server, &mut self.server)] {
            lines.flush(&mut |octets| sink(SmtpEvent::Line { side, octets }));
        }
    }

    fn client_octets(&mut self, mut octets: &[u8], sink: Sink<'_>) {
        while !octets.is_empty() {
            match &mut self.state {
                State::Commands => octets = self.command_octets(octets, sink),
                State::HeldForReply(held) => {
                    let room = MAX_HELD.saturating_sub(held.len());
                    if self.replies == Replies::Expected && room > 0 {
                        let (part, rest) = octets.split_at_checked(room).unwrap_or((octets, &[]));
                        held.extend_from_slice(part);
                        octets = rest;
                        continue;
                    }
                    // No commands are as long as this: the replies are missing. From here on none is waited for.
                    self.replies = Replies::Missing;
                    let held = std::mem::take(held);
                    self.outstanding.pop_back();
                    self.begin_data(sink);
                    self.client_octets(&held, sink);
                }
                State::Data { dots, answer } => {
                    if let Some(probe) = answer.as_mut().and_then(|answer| answer.probe.as_mut()) {
                        let Some((&octet, rest)) = octets.split_first() else { return };
                        probe.push(octet);
                        octets = rest;
                        let looks = Looks::of(probe);
                        if looks == Looks::Undecided {
                            continue;
                        }
                        let probed = std::mem::take(probe);
                        self.probed(&probed, looks, sink);
                        continue;
                    }
                    match dots.take(octets, &mut |part| sink(SmtpEvent::Octets(part))) {
                        Found::More => return,
                        Found::End { taken } => {
                            octets = octets.get(taken..).unwrap_or_default();
                            self.end_data(sink);
                        }
                    }
                }
                State::Fetched { .. } => octets = self.fetched_octets(octets, sink),
                State::Chunk { remaining, last } => {
                    let (remaining_now, last) = (*remaining, *last);
                    let take = usize::try_from(remaining_now).unwrap_or(usize::MAX).min(octets.len());
                    let (part, rest) = octets.split_at_checked(take).unwrap_or((octets, &[]));
                    if self.open.is_some() {
                        sink(SmtpEvent::Octets(part));
                    }
                    octets = rest;
                    *remaining -= part.len() as u64;
                    if *remaining == 0 {
                        self.end_chunk(last, sink);
                    }
                }
            }
        }
    }

    /// Octets that the server fetched, up to the end of the line behind them.
    fn fetched_octets<'o>(&mut self, octets: &'o [u8], sink: Sink<'_>) -> &'o [u8] {
        let State::Fetched { remaining } = &mut self.state else { return octets };
        let take = usize::try_from(*remaining).unwrap_or(usize::MAX).min(octets.len());
        let (part, mut rest) = octets.split_at_checked(take).unwrap_or((octets, &[]));
        *remaining -= part.len() as u64;
        if self.open.is_some() && !part.is_empty() {
            sink(SmtpEvent::Octets(part));
        }
        if *remaining == 0 {
            let behind = rest.iter().position(|octet| *octet == b'\n');
            rest = behind.and_then(|at| rest.get(at + 1..)).unwrap_or_default();
            if behind.is_some() {
                self.state = State::Commands;
            }
        }
        rest
    }

    /// What came after a reply that answered an unfinished message is known: a command, if the dot was lost, and else more of the
    /// message, if the capture saw it late.
    fn probed(&mut self, probed: &[u8], looks: Looks, sink: Sink<'_>) {
        if looks == Looks::Command {
            self.end_data(sink);
            self.command_octets(probed, sink);
            return;
        }
        let State::Data { dots, answer } = &mut self.state else { return };
        if let Some(answer) = answer {
            answer.probe = None;
        }
        // No end of a message is in it: only its last octet is not part of a command's name.
        if let Found::End { .. } = dots.take(probed, &mut |part| sink(SmtpEvent::Octets(part))) {
            self.end_data(sink);
        }
    }

    /// What came after a reply can no longer become a command.
    fn flush_probe(&mut self, sink: Sink<'_>) {
        if let State::Data { answer: Some(Answer { probe: Some(probe), .. }), .. } = &mut self.state {
            let probed = std::mem::take(probe);
            self.probed(&probed, Looks::Other, sink);
        }
    }

    /// Takes octets while they are commands; gives back what follows a command that says otherwise.
    fn command_octets<'o>(&mut self, mut octets: &'o [u8], sink: Sink<'_>) -> &'o [u8] {
        while !octets.is_empty() && matches!(self.state, State::Commands) {
            let mut command = None;
            octets = self.client.take(octets, &mut |line, whole| {
                sink(SmtpEvent::Line { side: Side::Client, octets: line });
                if whole {
                    command = Some(Command::of(line));
                }
            });
            if let Some(command) = command {
                self.command(command, sink);
            }
        }
        octets
    }

    fn command(&mut self, command: Command, sink: Sink<'_>) {
        match command {
            Command::Data => {
                self.await_reply(Awaited::Data);
                self.state = State::HeldForReply(Vec::new());
            }
            Command::Burl { last } => {
                let message = self.open_or_begin(sink);
                self.await_reply(Awaited::Burl { message, last });
            }
            // What stands behind it is of the command before it, which has its reply to come already.
            Command::Fetched { octets }
                if self.outstanding.iter().any(|awaited| matches!(awaited, Awaited::Burl { .. })) =>
            {
                self.fetched += 1;
                self.state = State::Fetched { remaining: octets };
            }
            Command::Bdat { octets, last } => {
                let message = self.open_or_begin(sink);
                self.await_reply(Awaited::Chunk(message));
                if octets == 0 {
                    self.end_chunk(last, sink);
                } else {
                    self.state = State::Chunk { remaining: octets, last };
                }
            }
            Command::Start => {
                self.abandon(sink);
                self.refused = false;
                self.await_reply(Awaited::Command);
            }
            Command::Other | Command::Fetched { .. } => self.await_reply(Awaited::Command),
        }
    }

    fn open_or_begin(&mut self, sink: Sink<'_>) -> u64 {
        match self.open {
            Some(message) => message,
            None if self.refused => self.messages.saturating_sub(1),
            None => self.begin(sink),
        }
    }

    fn begin(&mut self, sink: Sink<'_>) -> u64 {
        let message = self.messages;
        self.messages += 1;
        self.open = Some(message);
        self.is_cut = false;
        sink(SmtpEvent::Begin { message, side: Side::Client });
        message
    }

    fn begin_data(&mut self, sink: Sink<'_>) {
        self.abandon(sink);
        self.begin(sink);
        self.state = State::Data { dots: EndOfData::default(), answer: None };
    }

    fn end_data(&mut self, sink: Sink<'_>) {
        let answered = match &self.state {
            State::Data { answer: Some(answer), .. } => Some(answer.accepted),
            _ => None,
        };
        self.state = State::Commands;
        if let Some(message) = self.open.take() {
            sink(self.ended(message));
            match answered {
                Some(accepted) => sink(SmtpEvent::Answered { message, accepted }),
                None => self.await_reply(Awaited::EndOfData(message)),
            }
        }
    }

    fn end_chunk(&mut self, last: bool, sink: Sink<'_>) {
        self.state = State::Commands;
        if last && let Some(message) = self.open.take() {
            sink(self.ended(message));
            // The reply to this chunk answers the message.
            if let Some(awaited) = self.outstanding.back_mut() {
                *awaited = Awaited::EndOfData(message);
            }
        }
    }

    fn ended(&self, message: u64) -> SmtpEvent<'static> {
        if self.is_cut { SmtpEvent::Part(message) } else { SmtpEvent::Complete(message) }
    }

    fn abandon(&mut self, sink: Sink<'_>) {
        self.state = State::Commands;
        if let Some(message) = self.open.take() {
            sink(SmtpEvent::Abandoned(message));
        }
    }

    fn await_reply(&mut self, awaited: Awaited) {
        if self.outstanding.len() >= MAX_OUTSTANDING {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back(awaited);
    }

    fn server_octets(&mut self, mut octets: &[u8], sink: Sink<'_>) {
        if !octets.is_empty() {
            self.replies = Replies::Expected;
        }
        while !octets.is_empty() {
            let mut reply = None;
            octets = self.server.take(octets, &mut |line, whole| {
                sink(SmtpEvent::Line { side: Side::Server, octets: line });
                if whole {
                    reply = final_code(line);
                }
            });
            if let Some(code) = reply {
                self.reply(code, sink);
            }
        }
    }

    fn reply(&mut self, code: u16, sink: Sink<'_>) {
        let accepted = (200..300).contains(&code);
        self.flush_probe(sink);
        if let State::Data { dots, answer } = &mut self.state {
            // All that went before DATA is answered, so this answers the message. The client's last octets may come
            // after it where the capture saw them late.
            *answer = Some(Answer { accepted, probe: Some(Vec::new()) });
            if dots.ended_otherwise() {
                self.end_data(sink);
            }
            return;
        }
        if code == 354 && matches!(self.state, State::HeldForReply(_)) {
            // No other command has this reply: whatever else seems to be waiting was answered unseen.
            while self.outstanding.pop_front().is_some_and(|awaited| awaited != Awaited::Data) {}
            let held = match std::mem::replace(&mut self.state, State::Commands) {
                State::HeldForReply(held) => held,
                _ => Vec::new(),
            };
            self.begin_data(sink);
            self.client_octets(&held, sink);
            return;
        }
        match self.outstanding.pop_front() {
            Some(Awaited::Data) => {
                if let State::HeldForReply(held) = std::mem::replace(&mut self.state, State::Commands) {
                    self.client_octets(&held, sink);
                }
            }
            Some(Awaited::EndOfData(message)) => sink(SmtpEvent::Answered { message, accepted }),
            Some(Awaited::Burl { message, last }) if accepted && self.open == Some(message) => {
                // What was fetched and is not there was not seen.
                self.is_cut |= self.fetched == 0;
                self.fetched = self.fetched.saturating_sub(1);
                if last {
                    self.open = None;
                    sink(self.ended(message));
                    sink(SmtpEvent::Answered { message, accepted });
                }
            }
            Some(Awaited::Chunk(message) | Awaited::Burl { message, .. }) if !accepted => {
                if self.open == Some(message) {
                    self.refused = true;
                    self.open = None;
                    sink(SmtpEvent::Abandoned(message));
                    sink(SmtpEvent::Answered { message, accepted });
                }
            }
            Some(Awaited::Chunk(_) | Awaited::Burl { .. } | Awaited::Command) | None => {}
        }
    }
}

#[cfg(test)]
mod tests;
