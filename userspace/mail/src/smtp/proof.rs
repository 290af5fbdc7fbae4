//! What proves, once octets of a client were lost, that its lines are commands.
//!
//! The header of a chunk may be among what was lost, or the end of a message and another's begin: then what reads like
//! commands is text, which anybody can have written, and replies to what was sent before the gap, or in it, come while it is
//! being read. That all known commands are answered proves nothing, since those that were lost are not among them. What does:
//! a 354, which answers DATA alone and lets a message begin, so that its end is known; or a client that twice in a row sends
//! nothing but whole commands, with their whole chunks, and is answered once for each of them before it goes on. The server
//! answers text once, at its end.

use std::collections::VecDeque;

use super::bare::Bare;
use super::{Mode, Pending, Reply, Smtp, Tell, Verb};

/// So many turns of the client in a row must each be answered command by command.
const TURNS: u8 = 2;
/// Octets of the longest command line (RFC 5321 §4.5.3.1.4), with room for parameters.
const LONGEST_LINE: usize = 1024;
/// Commands of one turn.
const MOST_COMMANDS: usize = 256;

/// What is known while nothing is proved.
#[derive(Clone)]
pub(super) struct Unproven {
    /// Replies that were due to what was sent before the gap.
    due: usize,
    turn: Turn,
    /// Replies since the client spoke last.
    replies: usize,
    turns: u8,
    /// Whether all that was known was answered once: what still comes answers commands that were lost.
    settled: bool,
}

/// What the client sent since the server spoke last.
#[derive(Clone, Default)]
struct Turn {
    line: Vec<u8>,
    /// Octets of a chunk that are still to come.
    chunk: u64,
    verbs: VecDeque<Verb>,
    /// How many commands it held.
    commands: usize,
    /// Whether it is anything but whole commands, each with a reply that can be meant for it.
    is_broken: bool,
}

impl Turn {
    fn read(&mut self, octets: &[u8], takes_lf: bool) {
        let mut rest = octets;
        while !rest.is_empty() && !self.is_broken {
            if self.chunk > 0 {
                let passed = usize::try_from(self.chunk).unwrap_or(usize::MAX).min(rest.len());
                self.chunk -= passed as u64;
                rest = rest.get(passed..).unwrap_or_default();
                continue;
            }
            let end = rest.iter().position(|&octet| octet == b'\n').map_or(rest.len(), |at| at + 1);
            let (piece, after) = rest.split_at(end);
            rest = after;
            self.line.extend_from_slice(piece.get(..piece.len().min(LONGEST_LINE + 1)).unwrap_or_default());
            self.is_broken = self.line.len() > LONGEST_LINE;
            if self.line.ends_with(b"\n") {
                self.end_line(takes_lf);
            }
        }
        if self.is_broken {
            self.line = Vec::new();
            self.verbs = VecDeque::new();
        }
    }

    fn end_line(&mut self, takes_lf: bool) {
        let line = std::mem::take(&mut self.line);
        let bare = line.strip_suffix(b"\n").filter(|_| takes_lf);
        let Some(text) = line.strip_suffix(b"\r\n").or(bare) else {
            self.is_broken = true;
            return;
        };
        let verb = Verb::read(text);
        if let Verb::Bdat { size, .. } = verb {
            self.chunk = size;
        }
        let is_plain = text.first().is_some_and(u8::is_ascii_alphabetic);
        let proves = !matches!(verb, Verb::Unknown | Verb::Auth | Verb::StartTls | Verb::Burl { .. });
        self.is_broken |= !is_plain || !proves || self.commands >= MOST_COMMANDS;
        self.commands += 1;
        self.verbs.push_back(verb);
    }

    fn is_whole(&self) -> bool {
        !self.is_broken && self.line.is_empty() && self.chunk == 0 && self.commands > 0
    }
}

impl Smtp {
    /// From here on lines may be text. `due` replies are still to come to what was sent before.
    pub(super) fn unprove(&mut self, due: usize) {
        self.certain = false;
        let turn = Turn { is_broken: true, ..Turn::default() };
        self.unproven = Some(Box::new(Unproven { due, turn, replies: 0, turns: 0, settled: false }));
    }

    /// All that is known was answered.
    pub(super) fn all_answered(&mut self) {
        match &mut self.unproven {
            Some(unproven) => unproven.settled = true,
            None => self.certain = true,
        }
    }

    /// Whether a reply is to a command that was lost.
    pub(super) fn answers_lost(&self) -> bool {
        self.pending.is_empty() && self.unproven.as_ref().is_some_and(|unproven| unproven.settled)
    }

    /// The client speaks.
    pub(super) fn watch_client(&mut self, octets: &[u8]) {
        let at_rest = matches!(self.mode, Mode::Command)
            && self.client.is_empty()
            && self.stalled.is_empty()
            && self.auth.is_none();
        let Some(unproven) = self.unproven.as_mut().filter(|_| !octets.is_empty()) else { return };
        if unproven.replies > 0 {
            let turn = std::mem::take(&mut unproven.turn);
            let replies = std::mem::take(&mut unproven.replies);
            unproven.turns = if turn.is_whole() && replies == turn.commands { unproven.turns + 1 } else { 0 };
            if unproven.turns >= TURNS && at_rest && self.pending.is_empty() && self.owed == 0 {
                self.unproven = None;
                self.certain = true;
                self.resync = false;
                self.commands_lost = false;
                return;
            }
            // Replies to what was sent before are none to this turn.
            let is_answered = turn.is_broken || replies >= turn.commands;
            unproven.turn.is_broken = !at_rest || !is_answered || unproven.due > 0;
        }
        unproven.turn.read(octets, self.bare == Bare::Taken);
    }

    /// The server answers something.
    pub(super) fn watch_reply(&mut self, reply: &Reply, tell: Tell<'_>) {
        if self.unproven.is_some() {
            self.leave_chunk(reply, tell);
        }
        let Some(unproven) = &mut self.unproven else { return };
        unproven.due = unproven.due.saturating_sub(1);
        unproven.replies += 1;
        let is_first = unproven.replies == 1;
        let turn = &mut unproven.turn;
        let fits = turn.is_whole() && turn.verbs.pop_front().is_some_and(|verb| verb.fits(reply.code));
        turn.is_broken |= !fits;
        let commands = turn.commands;
        if is_first && !turn.is_broken && matches!(self.mode, Mode::Command) {
            // What is older was no command, or its reply will not come any more.
            let refused = Reply::of_nobody(reply.last);
            while self.pending.len() > commands && matches!(self.pending.front(), Some(Pending::Command { .. })) {
                self.command_answered(Some(&refused), reply.last, tell);
            }
        }
    }

    /// The server answers a chunk before its end: what told of it was text, as far as anybody knows.
    fn leave_chunk(&mut self, reply: &Reply, tell: Tell<'_>) {
        let is_chunk = |pending: &Pending| matches!(pending, Pending::Command { command, .. } if matches!(command.verb, Verb::Bdat { .. }));
        if matches!(self.mode, Mode::Chunk { .. }) && self.owed == 0 && self.pending.front().is_some_and(is_chunk) {
            self.mode = Mode::Command;
            self.resync = true;
            self.command_answered(Some(&Reply::of_nobody(reply.last)), reply.last, tell);
            self.chunks = None;
        }
    }

    /// Replies were lost, so that they cannot be counted.
    pub(super) fn recount(&mut self) {
        if let Some(unproven) = &mut self.unproven {
            unproven.turn = Turn { is_broken: true, ..Turn::default() };
            unproven.turns = 0;
        }
    }
}
