//! Who comes and goes: `e-mail-logon`, `e-mail-logon-failure`, `e-mail-logon-attempt`, `e-mail-logoff` (B.2.1, tables B.2, C.1).

use std::sync::Arc;

use bytes::Bytes;
use writ_mail::access::{Closing, Login, TransferResult};
use writ_mail::sasl::{Keep, Outcome};
use writ_wire::Time;

use super::Follow;
use super::stream::{Early, tell};
use super::user::User;
use crate::context::Context;
use crate::cover::{Cover, Piece};
use crate::record::{IriType, MailEvent, Notice, Protocol, Status};
use crate::warrant::{AuthenticationData, Warrant};

impl Follow {
    /// An attempt to log in was answered, or never will be.
    pub(super) fn login(&mut self, login: &Login, ctx: &mut Context<'_>) {
        match login.outcome {
            Outcome::Succeeded => ctx.counters.logins_accepted += 1,
            Outcome::Failed => ctx.counters.logins_refused += 1,
            Outcome::Unknown | Outcome::BrokenOff | Outcome::GivenUp => {}
        }
        if self.ended {
            return;
        }
        let Some(mut user) = User::of(login) else { return };
        self.look_up(ctx);
        // What was held since an attempt without an answer is of whoever that was.
        self.give_up_attempt(ctx);
        let found = user.targets(self.server, ctx);
        let by_address = self.covers.iter().filter(|cover| cover.by_address).map(|cover| &cover.warrant);
        if found.iter().chain(by_address).any(|warrant| warrant.authentication_data == AuthenticationData::Full) {
            user.keep_password(login);
        }
        self.stream.hand_over(&mut self.covers, ctx);
        let is_ahead = std::mem::take(&mut self.ahead);
        if is_ahead && !matches!(login.outcome, Outcome::Succeeded | Outcome::Unknown) {
            // Whoever comes next has no part in what came behind it.
            self.early = Early::default();
        }
        match login.outcome {
            Outcome::Succeeded => {
                if self.has_session() {
                    self.shared = true;
                    self.leave(None, user.last, ctx);
                }
                // What came behind the login is handed over behind it.
                let behind = if is_ahead { std::mem::take(&mut self.early) } else { Early::default() };
                self.enter(user, ctx);
                self.exchange(login, None, ctx);
                if is_ahead {
                    self.hand_over_early_to_all(&behind, ctx);
                }
            }
            Outcome::Failed | Outcome::BrokenOff => {
                let event =
                    if login.outcome == Outcome::Failed { MailEvent::LogonFailure } else { MailEvent::LogonAttempt };
                self.report(&user, &found, event, ctx);
                self.exchange(login, Some(&found), ctx);
            }
            // An attempt is one that the connection's end cut off (table B.2).
            Outcome::GivenUp => self.exchange(login, Some(&found), ctx),
            // Where the server is not heard at all, no login is ever seen to succeed. POP3 has one in a session: who tries again was
            // refused.
            Outcome::Unknown if self.protocol == Protocol::Pop3 && !self.heard => {
                let is_same = self.user.as_ref().is_some_and(|before| before.is_same(&user));
                if !is_same {
                    if self.has_session() {
                        self.leave(None, user.last, ctx);
                    }
                    self.believed = true;
                    self.enter(user, ctx);
                }
                self.exchange(login, None, ctx);
            }
            Outcome::Unknown if !self.server_seen && self.protocol == Protocol::Imap4 => {
                // Of the server nothing was captured at all: whether he was let in nobody can say, ever. Who tries again was not.
                if self.has_session() {
                    self.shared = true;
                    self.leave(None, user.last, ctx);
                }
                self.enter(user, ctx);
                self.exchange(login, None, ctx);
            }
            Outcome::Unknown => {
                self.exchange(login, Some(&found), ctx);
                self.maybe = (!self.in_session).then(|| Box::new(user));
            }
        }
    }

    /// Nothing told whether the login that went without an answer was accepted.
    pub(super) fn give_up_attempt(&mut self, ctx: &mut Context<'_>) {
        if let Some(user) = self.maybe.take() {
            self.early = Early::default();
            let found = user.targets(self.server, ctx);
            self.report(&user, &found, MailEvent::LogonAttempt, ctx);
        }
    }

    /// Tells what did not become a session, to those who cover the client and to those whose target tried. Who has the session
    /// by his login has no part in what somebody else tries.
    fn report(&mut self, user: &User, found: &[Arc<Warrant>], event: MailEvent, ctx: &mut Context<'_>) {
        let mut told = self.covers.places(|cover| cover.is_whole() && cover.by_address);
        for warrant in found {
            let at = self.covers.place(warrant);
            if !told.contains(&at) {
                told.push(at);
            }
        }
        for at in told {
            self.tell_of(user, at, IriType::Report, event, ctx);
        }
    }

    fn tell_of(&mut self, user: &User, at: usize, record_type: IriType, event: MailEvent, ctx: &mut Context<'_>) {
        let Some(warrant) = self.covers.get_mut(at).map(|cover| Arc::clone(&cover.warrant)) else { return };
        let mut iri = self.covers.iri(record_type, event, user.status());
        iri.client_octets = user.client_octets;
        iri.server_octets = user.server_octets;
        user.describe(&mut iri);
        iri.aaa = user.told_under(&warrant);
        self.covers.tell_iri(at, ctx, user.first, user.last, iri);
    }

    /// The session is this user's from here on.
    pub(super) fn enter(&mut self, user: User, ctx: &mut Context<'_>) {
        let found = user.targets(self.server, ctx);
        self.in_session = true;
        self.maybe = None;
        self.user = Some(Box::new(user));
        // Warrants that start later cover what comes later: the session is the target's from now on.
        self.covers.mark(&found, |cover| cover.by_login = true);
        let early = std::mem::take(&mut self.early);
        for at in self.covers.places(Cover::is_whole) {
            self.begin(at, ctx);
        }
        self.hand_over_early_to_all(&early, ctx);
    }

    fn hand_over_early_to_all(&mut self, early: &Early, ctx: &mut Context<'_>) {
        // Those who cover the client's address have had it already.
        for at in self.covers.places(|cover| cover.is_whole() && !cover.by_address) {
            self.hand_over_early(early, at, ctx);
        }
    }

    fn hand_over_early(&mut self, early: &Early, at: usize, ctx: &mut Context<'_>) {
        self.tell_missed_early(early, at, ctx);
        let not_held = early.hand_over(at, &mut self.covers, ctx);
        let wants_content = self.covers.get_mut(at).is_some_and(|cover| cover.warrant.grant().is_some());
        if let (Some(user), true) = (&self.user, not_held > 0 && wants_content) {
            let time = user.last;
            self.covers.tell_notice(at, ctx, time, Notice::OctetsNotHeld { octets: not_held });
        }
    }

    /// Tells what is missing from the part of a session before it was known whose it is: in POP3 from the first command on, in IMAP4
    /// from the login on (B.5, C.3).
    fn tell_missed_early(&mut self, early: &Early, at: usize, ctx: &mut Context<'_>) {
        let Some(user) = &self.user else { return };
        let (first, last) = (user.first, user.last);
        let since = if self.protocol == Protocol::Pop3 { Time::MIN } else { first };
        for (from_client, octets) in early.missed_since(since).into_iter().filter(|(_, octets)| *octets > 0) {
            if self.covers.tell_notice(at, ctx, last, Notice::OctetsMissed { octets, from_client }) {
                ctx.counters.covered_octets_missed += octets;
            }
        }
    }

    /// Tells the begin of the session, once.
    pub(super) fn begin(&mut self, at: usize, ctx: &mut Context<'_>) {
        let Some(user) = self.user.take() else { return };
        if let Some(cover) = self.covers.get_mut(at)
            && !cover.begun
            && cover.warrant.covers(user.first)
            && cover.warrant.covers(user.last)
        {
            cover.begun = true;
            self.tell_of(&user, at, IriType::Begin, MailEvent::Logon, ctx);
        }
        self.user = Some(user);
    }

    /// The octets of a login are content for those who have the session; and for those whose target tried, once he is in. A try
    /// that names nobody, within a session or of POP3, is told to all of them, overwritten but for its command: it may be what
    /// stands before lines that are told so.
    fn exchange(&mut self, login: &Login, tried: Option<&[Arc<Warrant>]>, ctx: &mut Context<'_>) {
        let is_tried =
            |cover: &Cover| tried.is_none_or(|tried| tried.iter().any(|warrant| Arc::ptr_eq(warrant, &cover.warrant)));
        let is_of_session = self.protocol == Protocol::Pop3 || self.in_session;
        let is_nobodys = tried.is_some() && is_of_session && login.identity().is_none();
        for at in self.covers.places(Cover::is_whole) {
            let Some(cover) = self.covers.get_mut(at) else { continue };
            let keep = if cover.by_address || is_tried(cover) {
                cover.warrant.authentication_data.keep()
            } else if is_nobodys {
                Keep::Nothing
            } else {
                continue;
            };
            if cover.warrant.grant().is_some() {
                tell(&pieces(login, keep), at, &mut self.covers, ctx);
            }
        }
        if self.in_session {
            return;
        }
        if is_nobodys && (ctx.index.wants_content() || ctx.index.wants_packets()) {
            for piece in pieces(login, Keep::Nothing) {
                self.early.hold(piece, None, ctx);
            }
        }
        for warrant in tried.unwrap_or_default().iter().filter(|warrant| warrant.grant().is_some()) {
            for piece in pieces(login, warrant.authentication_data.keep()) {
                self.early.hold(piece, Some(Arc::clone(warrant)), ctx);
            }
        }
    }

    /// Whether somebody is logged in, or was and the end of that was not told to all.
    fn has_session(&self) -> bool {
        self.in_session || self.covers.iter().any(|cover| cover.is_whole() && cover.begun)
    }

    /// Who was logged in is so no longer: by the client's own word, or because somebody else is.
    pub(super) fn leave(&mut self, closing: Option<&Closing>, time: Time, ctx: &mut Context<'_>) {
        self.give_up_attempt(ctx);
        if self.has_session() {
            self.part(closing, time, Cover::is_whole, ctx);
        }
        self.stream.hand_over(&mut self.covers, ctx);
        self.early = Early::default();
        self.user = None;
        self.look_up(ctx);
    }

    /// Who was logged in may be so no longer, and nothing tells. Of what follows a login's warrants have nothing; those that cover
    /// the client have it as before, whoever is logged in, and do not know who that is.
    pub(super) fn lose_user(&mut self, time: Time, ctx: &mut Context<'_>) {
        self.part(None, time, |cover| cover.is_whole() && !cover.by_address, ctx);
        self.covers.iter_mut().for_each(|cover| cover.by_login = false);
        self.early = Early::default();
        self.user = None;
    }

    /// The session is over: by the client's own word, or because the connection is. To who has it by his address that is told also
    /// where nobody logged in, if he said so himself, or content was handed over.
    pub(super) fn end(&mut self, closing: Option<&Closing>, time: Time, ctx: &mut Context<'_>) {
        self.give_up_attempt(ctx);
        if !self.ended {
            let all = self.in_session || closing.is_some();
            let waits = !self.stream.is_empty();
            let has_end = move |cover: &Cover| {
                let has_content = cover.has_content || (waits && cover.warrant.grant().is_some());
                cover.is_whole() && (all || cover.begun || has_content)
            };
            self.part(closing, time, has_end, ctx);
        }
        self.leave(None, time, ctx);
        self.ended = true;
    }

    /// Tells the end of the session to those who have it and are to leave it.
    fn part(&mut self, closing: Option<&Closing>, time: Time, leaves: impl Fn(&Cover) -> bool, ctx: &mut Context<'_>) {
        let status = match closing.map(|closing| closing.result) {
            Some(TransferResult::Succeeded) => Status::Succeeded,
            Some(TransferResult::Failed) => Status::Failed,
            Some(TransferResult::Unknown) | None => Status::Unknown,
        };
        let (first, last) = closing.map_or((time, time), |closing| (closing.first, closing.last));
        let has_any = |cover: &Cover| cover.is_open() || !self.stream.is_empty() && cover.warrant.grant().is_some();
        let places = self.covers.places(|cover| leaves(cover) && has_any(cover));
        for &at in places.iter().filter(|_| !self.ended) {
            let mut iri = self.covers.iri(IriType::End, MailEvent::Logoff, status);
            iri.client_octets = closing.map_or(0, |closing| closing.client_octets);
            iri.server_octets = closing.map_or(0, |closing| closing.server_octets);
            if let Some(user) = &self.user {
                user.describe(&mut iri);
            }
            self.covers.tell_iri(at, ctx, first, last, iri);
        }
        self.stream.hand_over(&mut self.covers, ctx);
        self.tell_left_out(time, ctx);
        let octets = std::mem::take(&mut self.compressed);
        if octets > 0 {
            for at in self.covers.places(|cover| cover.is_whole() && cover.is_open() && cover.wants_packets()) {
                self.covers.tell_notice(at, ctx, time, Notice::OctetsNotHeld { octets });
            }
        }
        // The next user's session is another communication.
        self.covers.finish(leaves, ctx, time);
        self.in_session = false;
        self.generation = 0;
    }
}

/// The octets of a login, as far as they may be seen.
fn pieces(login: &Login, keep: Keep) -> Vec<Piece> {
    let steps = login.redacted(keep);
    let piece = |step: &writ_mail::sasl::Step| Piece {
        from: step.from,
        offset: step.offset,
        first: step.first,
        last: step.last,
        octets: Bytes::copy_from_slice(&step.octets),
        redacted: true,
        // Which octets of a compressed stream these are nobody can say.
        on_wire: if login.inflated { 0 } else { step.octets.len() as u64 },
    };
    steps.iter().map(piece).collect()
}
