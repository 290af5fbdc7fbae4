//! The beginning of a command: what it is, and what is done for it.

use std::ops::Range;

use writ_wire::Direction::FromClient;
use writ_wire::Time;

use super::Mode;
use crate::access::{Anomaly, Event, Tell};
use crate::imap::Imap;
use crate::imap::append::Uploads;
use crate::imap::command::{Head, Verb};
use crate::imap::login::{Attempt, Spelling};
use crate::imap::pending::{Ending, Kind, Tag};
use crate::imap::span::{Partial, Span};

impl Imap {
    /// Content goes on inflated, if what begins now could be a secret, or change whose the octets are.
    pub(super) fn leave_the_wire(&mut self, head: &Head, span: &mut Span, octets: &[u8], tell: Tell<'_>) {
        let changes = match head {
            Head::Command {
                verb: Verb::Login | Verb::Authenticate | Verb::Unauthenticate | Verb::ProxyAuth, ..
            } => true,
            _ => self.is_stray(head),
        };
        if !self.on_the_wire || !changes {
            return;
        }
        self.on_the_wire = false;
        if span.told {
            // What stands before it in this step was not told yet: it is now.
            span.told = false;
            let begun = self.client.partial.start().map_or(span.offset, |start| start.offset);
            let before = usize::try_from(begun.saturating_sub(span.offset)).unwrap_or(usize::MAX);
            span.tell(FromClient, octets.get(..before).unwrap_or_default(), tell);
            self.client.partial.untell_from(span.offset);
        }
    }

    /// Whether the line may be a password, or a login that was misspelled.
    fn is_stray(&self, head: &Head) -> bool {
        match head {
            Head::LikeLogin(_) => true,
            // It has no name, so it can be no command of any extension.
            Head::None(_) => true,
            // Before a login no extension's command is so needed that it should not be taken for a mistake.
            Head::Command { verb: Verb::Unknown, .. } => self.suspicious || !self.logged_in,
            _ => false,
        }
    }

    /// A line begins, and it is known what it is.
    pub(super) fn begin(&mut self, head: Head, time: Time, tell: Tell<'_>) {
        if std::mem::take(&mut self.client.may_respond) {
            // A response is one word.
            if matches!(head, Head::None(_) | Head::Empty) {
                self.tell_beginning(tell);
                self.client.mode = Mode::Response;
                return;
            }
            if let Some(id) = self.client.current {
                match self.pending.get(id).map(|pending| (pending.early, pending.is_passed)) {
                    Some((Some(answer), _)) => self.end(id, answer, time, tell),
                    Some((None, true)) => {}
                    _ => self.end_up_to(id, Ending::Lost, time, tell),
                }
            }
            self.client.go_on();
        }
        let is_command = matches!(head, Head::Command { verb, .. } if verb != Verb::Unknown);
        if !self.client.synced {
            // The rest of a LOGIN can end with a command's name, but not go on after it.
            let may_be_rest = std::mem::take(&mut self.client.after_secret) || !self.logged_in;
            let is_unsure = std::mem::take(&mut self.client.after_gap) && self.client.is_bare && may_be_rest;
            if !is_command || is_unsure {
                self.client.dropped += self.client.partial.octets().len() as u64;
                self.client.partial = Partial::default();
                self.client.mode = Mode::Drop;
                return;
            }
            self.client.synced = true;
            self.client.is_silent = false;
        }
        let is_stray = self.is_stray(&head);
        let is_no_login = self.logged_in && !self.suspicious && matches!(head, Head::None(_));
        match head {
            Head::Command { tag, .. } | Head::None(tag) | Head::LikeLogin(tag) if is_stray => {
                tell(Event::Anomaly(Anomaly::UnknownCommand));
                self.begin_stray(tag, is_no_login, time, tell);
                self.client.mode = Mode::Stray;
            }
            Head::Command { tag, verb } => {
                self.suspicious &= verb == Verb::Unknown;
                let spelling = match verb {
                    Verb::Login => Some(Spelling::Login),
                    Verb::Authenticate => Some(Spelling::Sasl),
                    Verb::ProxyAuth => Some(Spelling::Proxy),
                    _ => None,
                };
                self.begin_command(tag, verb, spelling, time, tell);
                self.tell_beginning(tell);
                self.client.mode = Mode::Arguments;
            }
            Head::None(_) | Head::LikeLogin(_) | Head::Done | Head::Empty => {
                self.client.partial.tell(FromClient, tell);
                self.client.mode = Mode::Line;
            }
        }
    }

    /// A line that is no command begins. Of somebody who has logged in it is no login, but may be a password all the same.
    fn begin_stray(&mut self, tag: Range<usize>, is_no_login: bool, time: Time, tell: Tell<'_>) {
        self.begin_command(tag, Verb::Unknown, Some(Spelling::Stray), time, tell);
        if let Some(pending) = self.client.current.and_then(|id| self.pending.get(id)) {
            // The next command that is answered ends it.
            pending.doubtful |= is_no_login;
            if let Some(attempt) = pending.attempt() {
                attempt.is_masked = is_no_login;
            }
        }
        self.tell_beginning(tell);
    }

    /// Where too many commands are in flight, the newest is given up: the oldest is what is answered next. What a FETCH brings is told
    /// all the same once it comes, as if nobody had asked. The oldest is given up where it may never be answered.
    fn make_room(&mut self, time: Time, tell: Tell<'_>) {
        while self.pending.len() >= self.limits.pending || self.pending.octets() > self.limits.pending_octets {
            let stale = self.pending.front().filter(|oldest| oldest.doubtful || oldest.is_stray());
            let given_up = stale.map(|oldest| oldest.id).or_else(|| {
                let newest = self.pending.back()?;
                newest.forget_downloads();
                Some(newest.id)
            });
            let Some(id) = given_up else { break };
            tell(Event::Anomaly(Anomaly::TooFarAhead));
            self.end(id, Ending::GivenUp, time, tell);
        }
    }

    fn begin_command(&mut self, tag: Range<usize>, verb: Verb, spelling: Option<Spelling>, time: Time, tell: Tell<'_>) {
        self.make_room(time, tell);
        self.end_unheard(time, tell);
        self.refused_logout = None;
        let inflated = self.client.inflater.is_some();
        let kind = match (spelling, verb) {
            (Some(spelling), _) => Kind::Login(Box::new(Attempt::new(spelling, inflated))),
            (None, Verb::Fetch { .. }) => Kind::Fetch(Box::default()),
            (None, Verb::Convert) => Kind::Convert(Box::default()),
            (None, Verb::Append) => Kind::Append(Box::new(Uploads::after(1))),
            (None, Verb::Replace) => Kind::Append(Box::new(Uploads::after(2))),
            (None, Verb::Compress) => Kind::Compress(false),
            (None, _) => Kind::Plain,
        };
        let tag = Tag(self.client.partial.octets().get(tag).unwrap_or_default().to_vec());
        if spelling != Some(Spelling::Stray) {
            // A client that uses a tag again has had the answer to what it sent with it before.
            while let Some(older) = self.pending.tagged(&tag.0)
                && self.pending.get(older).is_some_and(|older| older.doubtful)
            {
                self.end(older, Ending::Lost, time, tell);
            }
            if self.pending.tagged(&tag.0).is_some() {
                tell(Event::Anomaly(Anomaly::TagReused));
            }
        }
        let shifted = spelling != Some(Spelling::Stray) && self.tags.begins(&tag);
        let first = self.client.partial.start().map_or(time, |start| start.time);
        let id = self.pending.push(&tag.0, verb, kind, first);
        if let Some(pending) = self.pending.get(id) {
            pending.guessed = self.lost_before.is_some();
            pending.shifted = shifted;
        }
        self.client.current = Some(id);
        self.client.is_login = spelling.is_some();
        self.client.is_deep = false;
    }

    /// Octets of the command's beginning go where they belong.
    fn tell_beginning(&mut self, tell: Tell<'_>) {
        let mut partial = std::mem::take(&mut self.client.partial);
        self.count_client(partial.octets().len());
        partial.take(|span, octets| self.put_client(span, octets, tell));
    }
}
