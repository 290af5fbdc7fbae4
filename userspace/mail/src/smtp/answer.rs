//! The server's side: replies, and what each of them settles.

use std::collections::VecDeque;

use writ_wire::Time;

use super::body::{Body, DotLine};
use super::{Anomaly, Answered, Command, Event, Fate, Mode, Pending, Reply, Smtp, Tell, Verb, suppose};
use crate::head::Head;
use crate::line::At;

impl Smtp {
    /// Reads octets that the server sent.
    pub fn server(&mut self, start: At, octets: &[u8], tell: Tell<'_>) {
        let mut rest = octets;
        self.server_began |= !octets.is_empty();
        self.no_preamble(tell);
        if std::mem::take(&mut self.maybe_tls) {
            // A TLS record of the server: handshake (22) or alert (21). A reply of SMTP starts with a digit.
            if let [0x15 | 0x16, ..] = octets {
                self.go_dark(tell);
            } else {
                self.mode = Mode::Command;
            }
        }
        if std::mem::take(&mut self.layer_open) {
            if octets.first() == Some(&0) {
                self.go_dark(tell);
            } else {
                self.mode = Mode::Command;
                self.resume(tell);
            }
        }
        while !rest.is_empty() && !self.is_dark() {
            let before = self.server.stray_lines;
            let at = start.plus(octets.len() - rest.len());
            self.suppose_at_reply(at, tell);
            if self.is_dark() {
                return;
            }
            if self.fork.is_some() {
                self.suppose_server(at, rest, tell);
                return;
            }
            let reply = self.server.take(at, &mut rest, self.limits.line);
            for _ in before..self.server.stray_lines {
                tell(Event::Anomaly(Anomaly::StrayServerLine));
            }
            if let Some(reply) = reply {
                let goes_on = reply.is_intermediate();
                self.answer(reply, tell);
                // The server has answered all that is known, and waits for commands.
                if !goes_on && self.pending.is_empty() && self.stalled.is_empty() && self.owed == 0 {
                    self.all_answered();
                }
                self.resume(tell);
            }
        }
    }

    /// Reads what was held until the reply came.
    pub(super) fn resume(&mut self, tell: Tell<'_>) {
        while !matches!(self.mode, Mode::Waiting) {
            let Some((at, octets, from)) = self.stalled.pop_front() else {
                self.stalled = VecDeque::new();
                self.stalled_octets = 0;
                return;
            };
            let read = self.read(at.plus(from), octets.get(from..).unwrap_or_default(), tell);
            self.stalled_octets = self.stalled_octets.saturating_sub(read);
            if from + read < octets.len() {
                self.stalled.push_front((at, octets, from + read));
            }
        }
    }

    /// Takes one whole reply.
    pub(super) fn answer(&mut self, reply: Reply, tell: Tell<'_>) {
        if std::mem::take(&mut self.greeting_due) {
            // RFC 5321 §4.2: a server greets with 220, or with a refusal. Anything else answers a command: the greeting was lost.
            if reply.code == 220 || reply.code >= 400 {
                tell(Event::Greeting(&reply));
                return;
            }
            self.replies_lost = true;
        }
        if matches!(self.mode, Mode::Unsynced) {
            self.sync(&reply, tell);
            return;
        }
        if self.refuses_header(&reply) {
            return;
        }
        self.answered_bare(&reply);
        self.watch_reply(&reply, tell);
        self.strain = self.strain.saturating_add(u32::from(!self.fits(reply.code)));
        if self.owed > 0 {
            self.owed -= 1;
            if self.owed > 0 || self.auth.is_none() {
                return;
            }
        }
        if reply.code == 354 && !self.certain && !self.answers_lost() && matches!(self.mode, Mode::Command) {
            self.message_begins(reply.last, tell);
            return;
        }
        self.realign(&reply, reply.last, tell);
        if reply.code == 354 {
            self.answer_all_before_data(reply.last, tell);
        }
        if self.is_answer_for_one(&reply, tell) {
            return;
        }
        match self.pending.front_mut() {
            None => self.unasked(reply, tell),
            Some(Pending::EndOfData { head: None, .. }) => self.answer_in_data(reply, tell),
            Some(Pending::EndOfData { .. }) => self.message_answered(Some(&reply), reply.last, tell),
            Some(Pending::Command { command, .. }) => {
                // After lost replies the count is off: 2yz to DATA is never right, so it answers something before.
                if self.replies_lost && command.is_certain && command.verb == Verb::Data && reply.is_positive() {
                    return;
                }
                self.command_answered(Some(&reply), reply.last, tell);
            }
        }
    }

    /// A 354 answers DATA and nothing else: where something stands before that, replies were lost.
    fn answer_all_before_data(&mut self, time: Time, tell: Tell<'_>) {
        let is_data =
            |pending: &Pending| matches!(pending, Pending::Command { command, .. } if command.verb == Verb::Data);
        while self.pending.len() > 1
            && self.pending.back().is_some_and(is_data)
            && matches!(self.pending.front(), Some(Pending::Command { .. }))
        {
            self.command_answered(None, time, tell);
        }
    }

    /// The server waits for a message, so all commands before it are answered, whichever answers were theirs.
    fn message_begins(&mut self, time: Time, tell: Tell<'_>) {
        self.give_up_all(time, tell);
        self.begin_data(self.transaction);
    }

    /// A reply to nothing that was read.
    fn unasked(&mut self, reply: Reply, tell: Tell<'_>) {
        if self.auth.is_some() {
            self.exchange_answered(&reply, tell);
        } else if let (354, Mode::Opening { transaction }) = (reply.code, &self.mode) {
            self.begin_data(*transaction);
        } else if reply.code == 354 && self.commands_lost {
            // A DATA was lost, and its MAIL perhaps: what follows is a message, and nobody knows whose.
            self.transaction = self.transaction.wrapping_add(1);
            self.begin_data(self.transaction);
        } else if !self.replies_lost && !self.commands_lost {
            tell(Event::Anomaly(Anomaly::UnaskedReply));
        }
    }

    /// The first reply of a capture that began in mid-stream tells where the dialogue stands.
    fn sync(&mut self, reply: &Reply, tell: Tell<'_>) {
        self.forget_first_line();
        match reply.code {
            354 => self.begin_data(0),
            // The response to a challenge follows: not a command.
            334 => {}
            _ => {
                self.mode = Mode::Command;
                self.resync = true;
                self.unprove(0);
                self.watch_reply(reply, tell);
            }
        }
    }

    pub(super) fn begin_data(&mut self, transaction: u32) {
        let mut body = Box::new(Body::new(self.habit));
        if self.depth > 0 {
            body.head = suppose::no_head();
        }
        self.mode = Mode::Body(body);
        // Its end is known, so that what follows that are commands.
        self.unproven = None;
        self.pending.push_front(Pending::EndOfData {
            transaction,
            head: None,
            early: None,
            begun: false,
            lost: false,
            reply_lost: false,
        });
    }

    /// A reply while the client is still sending.
    fn answer_in_data(&mut self, reply: Reply, tell: Tell<'_>) {
        let Some(Pending::EndOfData { begun, lost, early, .. }) = self.pending.front_mut() else { return };
        if *lost && reply.code != 354 {
            // The server saw an end where octets are missing.
            self.end_was_lost(reply.last, tell);
            self.end_of_data(At { time: reply.last, offset: 0 }, DotLine::END, tell);
            self.message_answered(Some(&reply), reply.last, tell);
            self.resume(tell);
            // What was held may be text, and half a line of it too; and so may be what follows.
            self.client.take_unfinished(reply.last);
            self.resync = true;
        } else if reply.code == 354 || (self.replies_lost && !*begun) {
            // The rest of a group whose first replies were lost.
        } else {
            *early = Some(Box::new(reply));
        }
    }

    /// What became of a message sent with DATA.
    pub(super) fn message_answered(&mut self, reply: Option<&Reply>, time: Time, tell: Tell<'_>) {
        let Some(Pending::EndOfData { transaction, head, .. }) = self.pop_pending() else { return };
        tell(Event::Reply { to: Answered::EndOfData { transaction }, reply });
        let head = head.unwrap_or_default();
        let fate = self.message_fate(transaction, reply, tell);
        tell(Event::Message { transaction, time, fate, head: &head });
    }

    /// Settles the command that has waited longest; `None` where its reply was lost.
    pub(super) fn command_answered(&mut self, reply: Option<&Reply>, time: Time, tell: Tell<'_>) {
        let Some(Pending::Command { command, told, head }) = self.pop_pending() else { return };
        self.pending_octets = self.pending_octets.saturating_sub(command.line.octets.len());
        if command.verb == Verb::Auth {
            self.auth_answered(command, reply, tell);
            return;
        }
        if !told {
            tell(Event::Command(&command));
        }
        tell(Event::Reply { to: Answered::Command(&command), reply });
        self.lmtp_answered(&command, reply);
        self.chunk_refused(&command, reply);
        if matches!(command.verb, Verb::Hello | Verb::Rset | Verb::Mail(_)) {
            self.settle_shelved(reply);
        }
        match command.verb {
            Verb::Hello => {
                // Where octets are missing it may be the reply to something else.
                let whole = command.is_certain && !self.replies_lost && !self.commands_lost;
                if let Some(reply) = reply.filter(|reply| whole && reply.is_positive() && reply.cut == 0) {
                    self.chunking = offers_chunking(&command, reply);
                }
            }
            Verb::Data if !matches!(self.mode, Mode::Waiting) => {}
            Verb::Data => match reply {
                None => self.mode = Mode::Opening { transaction: command.transaction },
                Some(reply) if reply.is_intermediate() => self.begin_data(command.transaction),
                Some(_) => self.mode = Mode::Command,
            },
            Verb::Bdat { last: true, .. } | Verb::Burl { last: true } => {
                let head = head.unwrap_or_else(|| self.head_so_far());
                let fate = self.message_fate(command.transaction, reply, tell);
                tell(Event::Message { transaction: command.transaction, time, fate, head: &head });
            }
            Verb::StartTls => {
                if reply.is_some_and(|reply| reply.code == 220) || (reply.is_none() && self.tls_follows()) {
                    self.go_dark(tell);
                } else if matches!(self.mode, Mode::Waiting) {
                    self.mode = Mode::Command;
                }
            }
            _ => {}
        }
    }

    fn pop_pending(&mut self) -> Option<Pending> {
        let first = self.pending.pop_front();
        if self.pending.is_empty() {
            // What a burst took is given back: most sessions wait for something most of the time.
            self.pending = VecDeque::new();
        }
        first
    }

    /// The reply to the last chunk came before all of its octets did: the server had enough.
    fn head_so_far(&self) -> Box<Head> {
        Box::new(self.chunks.as_ref().map(|reader| (**reader).clone().finish()).unwrap_or_default())
    }

    fn tls_follows(&self) -> bool {
        self.stalled.front().is_none_or(|(_, octets, from)| octets.get(*from) == Some(&0x16))
    }
}

/// Whether the server takes chunks (RFC 3030 §2), as far as its answer to EHLO tells.
fn offers_chunking(hello: &Command, reply: &Reply) -> Option<bool> {
    let verb = hello.line.text().trim_ascii_start().get(..4).unwrap_or_default();
    let extended = verb.eq_ignore_ascii_case(b"EHLO") || verb.eq_ignore_ascii_case(b"LHLO");
    let keyword = |line: &[u8]| {
        let words = line.get(4..).unwrap_or_default();
        let word = words.split(u8::is_ascii_whitespace).find(|word| !word.is_empty());
        word.is_some_and(|word| word.eq_ignore_ascii_case(b"CHUNKING"))
    };
    extended.then(|| reply.octets.split(|&octet| octet == b'\n').any(keyword))
}

pub(super) fn fate(reply: Option<&Reply>) -> Fate {
    match reply {
        None => Fate::Unknown,
        Some(reply) if reply.is_positive() => Fate::Accepted,
        Some(_) => Fate::Refused,
    }
}
