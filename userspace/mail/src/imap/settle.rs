//! What commands and responses come to together.

use writ_wire::Time;

use super::Imap;
use super::command::Verb;
use super::fetch::Fetched;
use super::login::{Attempt, Spelling};
use super::pending::{Ending, Kind, Pending};
use super::server::Tried;
use crate::access::{Clear, Closing, Event, Layer, Login, Scheme, Tell, Transfer, TransferResult};
use crate::sasl::{Mechanism, Outcome};

impl Imap {
    /// A command was answered by its tag.
    pub(super) fn answered(&mut self, id: u64, ending: Ending, time: Time, tell: Tell<'_>) {
        if !std::mem::replace(&mut self.server.synced, true)
            && let Some(pending) = self.pending.get(id)
        {
            // What came before it was not read, and may have been its data.
            pending.doubtful = true;
            for Tried { fetched, octets, times } in self.server.take_tried() {
                self.fetched(*fetched, true, octets, times, tell);
            }
        }
        self.tags.answered(id, &mut self.pending);
        // The server knows what it answers: lines since the last gap are commands.
        self.lost_before = self.lost_before.filter(|lost| id < *lost);
        // Commands are answered in their order, as a rule (RFC 3501 §5.5): those before it were.
        while let Some(older) = self.pending.front().filter(|older| (older.doubtful || older.shifted) && older.id < id)
        {
            let older = older.id;
            self.end(older, Ending::Lost, time, tell);
        }
        if let Some(tag) = self.pending.get(id).map(|pending| pending.tag.clone()) {
            self.tags.known_again(id, &tag);
        }
        let is_current = self.client.current == Some(id);
        let response_begun =
            self.client.is_in_response() && self.current_attempt().is_some_and(|attempt| attempt.is_client_speaking());
        // The rest of a line of which octets were lost is among these.
        let was_lost =
            self.client.is_secret() && self.current_attempt().is_some_and(|attempt| attempt.is_cut_by_loss());
        let waits = self.client.is_waiting()
            || was_lost
            || self.client.expects_response_or_command()
            || (self.client.is_in_response() && !response_begun);
        if is_current && !waits {
            // The rest of it is on its way.
            if let Some(pending) = self.pending.get(id) {
                pending.early.get_or_insert(ending);
            }
            return;
        }
        self.end(id, ending, time, tell);
        self.resume(tell);
    }

    /// A command is over, and what it came to is told.
    pub(super) fn end(&mut self, id: u64, ending: Ending, time: Time, tell: Tell<'_>) {
        let Some(mut pending) = self.pending.remove(id) else { return };
        if matches!(ending, Ending::Lost | Ending::GivenUp) {
            self.tags.answer_lost(&pending);
        }
        if self.client.current == Some(id)
            && (self.client.is_waiting()
                || self.client.is_in_response()
                || self.client.expects_response_or_command()
                || self.client.is_secret())
        {
            let was_secret = self.client.is_secret();
            // The hole may reach into the next login, and what follows be the rest of that.
            if pending.attempt().is_some_and(|attempt| attempt.is_cut_by_loss()) {
                self.client.lose_sync_in_login(was_secret);
            } else {
                self.client.go_on();
            }
        }
        let accepted = ending == Ending::Accepted;
        self.logged_in |= accepted && pending.verb.needs_login();
        match std::mem::replace(&mut pending.kind, Kind::Plain) {
            Kind::Login(attempt) if attempt.is_masked => self.text_ends(&attempt, ending, tell),
            Kind::Login(attempt) => self.login_ends(*attempt, ending, &pending, time, tell),
            Kind::Compress(deflate) if accepted => {
                tell(Event::Settled { time });
                self.begin_compression(deflate, time, tell);
                return;
            }
            kind => {
                pending.kind = kind;
                for transfer in pending.transfers(ending, self.limits.transfers) {
                    tell(Event::Transfer(&transfer));
                }
            }
        }
        self.closes(&pending, ending, time, tell);
        if ending != Ending::Closed {
            tell(Event::Settled { time });
        }
        if pending.verb == Verb::StartTls && accepted {
            self.go_dark(tell);
        }
    }

    /// LOGOUT and UNAUTHENTICATE.
    fn closes(&mut self, pending: &Pending, ending: Ending, time: Time, tell: Tell<'_>) {
        let closing = |result| Closing {
            result,
            client_octets: pending.client_octets,
            server_octets: pending.server_octets,
            first: pending.first,
            last: pending.last,
        };
        if pending.is_text && ending != Ending::Accepted {
            return;
        }
        // The refusal may be another command's.
        let ending = if pending.shifted && ending == Ending::Refused { Ending::Lost } else { ending };
        match (pending.verb, ending) {
            // As on the wire, octets of either flush are still to come.
            (Verb::Logout, Ending::Accepted) if self.on_the_wire => {
                self.late_logoff = Some(closing(TransferResult::Succeeded));
            }
            (Verb::Logout, Ending::Accepted) => tell(Event::Logoff(closing(TransferResult::Succeeded))),
            // Many servers close the connection at once.
            (Verb::Logout, Ending::Closed) => {
                let result = if pending.bye { TransferResult::Succeeded } else { TransferResult::Unknown };
                tell(Event::Logoff(closing(result)));
            }
            // The session goes on, unless nothing comes of it any more.
            (Verb::Logout, Ending::Refused) => self.refused_logout = Some(closing(TransferResult::Failed)),
            // Whoever comes next must not be taken for who was logged in, also where the answer is not known.
            (Verb::Unauthenticate, Ending::Accepted | Ending::Lost | Ending::GivenUp) => {
                self.end_before(pending.id, time, tell);
                self.logged_in = false;
                if ending == Ending::Accepted {
                    self.end_compression();
                }
                let is_seen = ending == Ending::Accepted;
                let result = if is_seen { TransferResult::Succeeded } else { TransferResult::Unknown };
                tell(Event::LoggedOut(closing(result)));
            }
            _ => {}
        }
    }

    /// Ends those that came before this command: whose they are would be somebody else's from here on.
    fn end_before(&mut self, id: u64, time: Time, tell: Tell<'_>) {
        while let Some(older) = self.pending.front().map(|older| older.id).filter(|older| *older < id) {
            self.end(older, Ending::Lost, time, tell);
        }
    }

    /// What was no login, as it seemed, is over. If the server accepts it, it was one, and who logged in is not known.
    fn text_ends(&mut self, attempt: &Attempt, ending: Ending, tell: Tell<'_>) {
        if ending == Ending::Accepted && attempt.spelling != Spelling::Stray {
            self.logged_in = true;
            let scheme = Scheme::Clear(Clear::default());
            tell(Event::Login(&Login { scheme, outcome: Outcome::Succeeded, inflated: false }));
        }
    }

    /// A login was answered, or never will be.
    fn login_ends(&mut self, mut attempt: Attempt, ending: Ending, pending: &Pending, time: Time, tell: Tell<'_>) {
        if pending.shifted {
            // Who was refused must not be taken for accepted, nor the other way round.
            attempt.doubt();
        }
        let outcome = match ending {
            Ending::Refused if pending.shifted => Outcome::Unknown,
            Ending::Accepted => Outcome::Succeeded,
            Ending::Refused => Outcome::Failed,
            Ending::Lost => Outcome::Unknown,
            Ending::Closed if pending.doubtful => Outcome::Unknown,
            // That a client sends far ahead must not make it somebody.
            Ending::GivenUp | Ending::Closed => Outcome::BrokenOff,
        };
        // After a gap a line of a message can read like a login; the server would not have answered it.
        if self.lost_before.is_some() && matches!(outcome, Outcome::Unknown | Outcome::BrokenOff) {
            attempt.doubt();
        }
        let is_stray = attempt.spelling == Spelling::Stray;
        let is_proxy = attempt.spelling == Spelling::Proxy;
        self.hidden = match outcome {
            Outcome::Succeeded | Outcome::Failed if is_stray || is_proxy || attempt.is_uncertain() => self.hidden,
            Outcome::Succeeded | Outcome::Failed => false,
            Outcome::Unknown | Outcome::BrokenOff | Outcome::GivenUp => true,
        };
        let login = attempt.finish(outcome);
        if outcome == Outcome::Succeeded {
            // What is still unanswered of those before it is not of whoever has logged in.
            self.end_before(pending.id, time, tell);
        }
        if is_proxy && ending != Ending::Closed && outcome != Outcome::Failed {
            self.proxy_leaves(pending, outcome, tell);
        }
        tell(Event::Login(&login));
        if outcome == Outcome::Succeeded {
            self.logged_in = true;
            self.suspicious = false;
            let Scheme::Sasl(exchange) = &login.scheme else { return };
            if matches!(exchange.mechanism, Mechanism::DigestMd5 | Mechanism::Unknown) {
                self.layer = Layer::MayBegin;
            }
        } else if !is_stray && !is_proxy {
            self.suspicious = true;
        }
    }

    /// Who was logged in goes on as somebody else, or may: also where the answer is not known he must not be taken for that one.
    fn proxy_leaves(&mut self, pending: &Pending, outcome: Outcome, tell: Tell<'_>) {
        let is_seen = outcome == Outcome::Succeeded;
        let result = if is_seen { TransferResult::Succeeded } else { TransferResult::Unknown };
        // The octets of the command are those of the login that it is.
        let closing = Closing { result, client_octets: 0, server_octets: 0, first: pending.first, last: pending.last };
        tell(Event::LoggedOut(closing));
    }

    /// Whatever was lost of the answer that is waited for, it is not what comes after this.
    fn heard(&mut self) {
        if let Some(pending) = self.client.current.and_then(|id| self.pending.get(id)) {
            pending.doubtful = false;
        }
    }

    /// The server goes ahead: with a literal, or with a challenge.
    pub(super) fn go_ahead(&mut self, tell: Tell<'_>) {
        // Where it goes ahead it has not answered yet.
        if let Some(pending) = self.client.current.and_then(|id| self.pending.get(id)) {
            pending.doubtful = false;
        }
        if self.let_literal_come() {
            self.heard();
            self.resume(tell);
            return;
        }
        if self.client.is_waiting() && self.current_attempt().is_some_and(|attempt| attempt.spelling == Spelling::Sasl)
        {
            self.heard();
            self.client.expect_response();
            self.resume(tell);
        }
    }

    /// Something of a message was sent, or something about it.
    pub(super) fn fetched(
        &mut self,
        fetched: Fetched,
        is_fetch: bool,
        octets: u64,
        (first, last): (Time, Time),
        tell: Tell<'_>,
    ) {
        let kind = fetched.kind();
        let octets = octets.saturating_sub(fetched.former_octets());
        let limit = self.limits.transfers;
        let answers = self.pending.answered_by(&fetched, is_fetch);
        let Some(kind) = kind else {
            if let Some(pending) = answers {
                pending.server_octets += octets;
                pending.last = last;
            }
            return;
        };
        let result = if fetched.is_cut_short { TransferResult::Unknown } else { TransferResult::Succeeded };
        let Some(pending) = answers else {
            let (sender, message_id) = fetched.into_names();
            // Nobody asked: NOTIFY (RFC 5465 §5.2).
            tell(Event::Transfer(&Transfer {
                kind,
                result,
                client_octets: 0,
                server_octets: octets,
                first,
                last,
                sender,
                message_id,
            }));
            return;
        };
        let (client_octets, first) = (pending.client_octets, pending.first);
        pending.last = last;
        let (Kind::Fetch(downloads) | Kind::Convert(downloads)) = &mut pending.kind else { return };
        let client_octets = if downloads.is_empty() { client_octets } else { 0 };
        let before = downloads.len();
        let oldest = downloads.add(
            fetched,
            Transfer {
                kind,
                result,
                client_octets,
                server_octets: octets,
                first,
                last,
                sender: None,
                message_id: None,
            },
            limit,
        );
        self.pending.transfers += downloads.len() - before;
        if let Some(mut oldest) = oldest {
            oldest.result = TransferResult::Unknown;
            tell(Event::Transfer(&oldest));
        }
    }
}
