//! What is told of the session itself: `e-mail-logon`, `e-mail-logon-failure`, `e-mail-logoff` (annex A.2.1, table A.2).

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use writ_mail::sasl::{Exchange, Identity, Mechanism, Outcome};
use writ_mail::smtp::{Command, Reply};
use writ_wire::{Direction, Time};
use zeroize::Zeroize;

use super::Follow;
use crate::context::Context;
use crate::cover::{Cover, Piece, Side};
use crate::record::{Aaa, AaaResult, AuthMethod, IriType, MailEvent, SenderValidity, Status};
use crate::warrant::{AuthenticationData, Warrant};

/// The HELO or EHLO that the server accepted.
pub(super) struct Hello {
    first: Time,
    last: Time,
    client_octets: u64,
    server_octets: u64,
    seen: bool,
}

/// An AUTH exchange, as far as records may need it. Zeroised when dropped.
pub(super) struct Login {
    identity: Option<Identity>,
    method: AuthMethod,
    result: AaaResult,
    /// Base64 as sent; only where some warrant may have it.
    challenge: Option<Vec<u8>>,
    response: Option<Vec<u8>>,
    first: Time,
    last: Time,
}

impl Drop for Login {
    fn drop(&mut self) {
        self.challenge.zeroize();
        self.response.zeroize();
    }
}

impl Login {
    fn read(exchange: &Exchange, outcome: Outcome) -> Option<Self> {
        Some(Self {
            identity: exchange.identity(),
            method: match exchange.mechanism {
                Mechanism::CramMd5 => AuthMethod::CramMd5,
                Mechanism::DigestMd5 => AuthMethod::DigestMd5,
                _ => AuthMethod::Undefined,
            },
            result: match outcome {
                Outcome::Succeeded => AaaResult::Succeeded,
                Outcome::Failed => AaaResult::Failed,
                Outcome::Unknown | Outcome::BrokenOff | Outcome::GivenUp => AaaResult::Unknown,
            },
            challenge: None,
            response: None,
            first: exchange.steps.first()?.first,
            last: exchange.steps.last()?.last,
        })
    }

    /// Keeps what was said, for warrants that may have it.
    fn keep_credentials(&mut self, exchange: &Exchange) {
        self.challenge = exchange.challenge().map(<[u8]>::to_vec);
        self.response = exchange.response().map(<[u8]>::to_vec);
    }

    /// Whether the warrant lets anything be told of it at all.
    fn is_within(&self, warrant: &Warrant) -> bool {
        warrant.covers(self.first) && warrant.covers(self.last)
    }

    /// `e-mail-Sender-Validity`; left out where the login was outside the warrant's interval, for both values would tell
    /// something of it.
    pub(super) fn validity(&self, warrant: &Warrant) -> Option<SenderValidity> {
        let assured = self.result == AaaResult::Succeeded;
        let validity = if assured { SenderValidity::Validated } else { SenderValidity::NonValidated };
        self.is_within(warrant).then_some(validity)
    }

    /// `aAAInformation` as far as the warrant lets it go (clause 7.10).
    pub(super) fn told_under(&self, warrant: &Warrant) -> Option<Aaa> {
        if !self.is_within(warrant) {
            return None;
        }
        let full = match warrant.authentication_data {
            AuthenticationData::None => return None,
            AuthenticationData::Username => false,
            AuthenticationData::Full => true,
        };
        Some(Aaa {
            username: self.identity.as_ref().map(|identity| identity.login.clone()).unwrap_or_default(),
            password: None,
            method: self.method,
            challenge: self.challenge.clone().filter(|_| full),
            response: self.response.clone().filter(|_| full),
            result: self.result,
        })
    }

    /// The warrants that have this login as a target.
    pub(super) fn targets(&self, server: IpAddr, ctx: &Context<'_>) -> Vec<Arc<Warrant>> {
        let mut found = Vec::new();
        if let Some(identity) = &self.identity {
            ctx.index.by_identity(identity, ctx.settings.domain_of(server), &mut found);
        }
        found
    }
}

impl Follow {
    /// HELO or EHLO was answered.
    pub(super) fn hello(&mut self, command: &Command, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        let line = &command.line;
        let hello = Hello {
            first: line.first,
            last: reply.map_or(line.last, |reply| reply.last),
            client_octets: line.wire_octets(),
            server_octets: reply.map_or(0, Reply::wire_octets),
            seen: reply.is_some(),
        };
        if reply.is_none_or(Reply::is_positive) {
            self.abandon_up_to(command.transaction, hello.last, ctx);
            self.hello = Some(hello);
            for cover in self.covers.places(Cover::is_whole) {
                self.begin(cover, ctx);
            }
            return;
        }
        for cover in self.covers.places(Cover::is_whole) {
            let mut iri = self.covers.iri(IriType::Report, MailEvent::LogonFailure, Status::Failed);
            iri.client_octets = hello.client_octets;
            iri.server_octets = hello.server_octets;
            self.covers.tell_iri(cover, ctx, hello.first, hello.last, iri);
        }
    }

    /// Tells the begin of the session, once.
    pub(super) fn begin(&mut self, at: usize, ctx: &mut Context<'_>) {
        let Some(hello) = &self.hello else { return };
        let Some(cover) = self.covers.get_mut(at) else { return };
        if cover.begun || !cover.warrant.covers(hello.first) || !cover.warrant.covers(hello.last) {
            return;
        }
        cover.begun = true;
        let aaa = self.login.as_ref().and_then(|login| login.told_under(&cover.warrant));
        let status = if hello.seen { Status::Succeeded } else { Status::Unknown };
        let mut iri = self.covers.iri(IriType::Begin, MailEvent::Logon, status);
        iri.client_octets = hello.client_octets;
        iri.server_octets = hello.server_octets;
        iri.aaa = aaa;
        self.covers.tell_iri(at, ctx, hello.first, hello.last, iri);
    }

    /// An AUTH exchange ended.
    pub(super) fn auth(&mut self, exchange: &Exchange, outcome: Outcome, ctx: &mut Context<'_>) {
        self.suspicion.login_seen();
        if exchange.steps.iter().any(|step| step.from == Direction::FromServer) {
            self.heard();
        }
        match outcome {
            Outcome::Succeeded => ctx.counters.logins_accepted += 1,
            Outcome::Failed => ctx.counters.logins_refused += 1,
            Outcome::Unknown => {}
            // The server never took it.
            Outcome::BrokenOff | Outcome::GivenUp => return,
        }
        if ctx.index.warrants().is_empty() {
            return;
        }
        let Some(mut login) = Login::read(exchange, outcome) else { return };
        let found = login.targets(self.server, ctx);
        // Of anybody else's login nothing is kept but who it was.
        let of_client = self.covers.iter().filter(|cover| cover.by_address).map(|cover| &cover.warrant);
        let wants = |warrant: &Arc<Warrant>| {
            warrant.authentication_data == AuthenticationData::Full && login.is_within(warrant)
        };
        if found.iter().chain(of_client).any(wants) {
            login.keep_credentials(exchange);
        }
        match outcome {
            Outcome::Failed => {
                self.login_tried(exchange, &login, &found, (MailEvent::LogonFailure, Status::Failed), ctx);
                return;
            }
            // It may have been refused, and what the client sends be anybody's. Only where the server is never heard at all
            // is the client's going on all that there ever is to judge by.
            Outcome::Unknown if self.server_heard => {
                self.login_tried(exchange, &login, &found, (MailEvent::LogonAttempt, Status::Unknown), ctx);
                return;
            }
            _ => {}
        }
        let (first, last) = (login.first, login.last);
        self.login = Some(Box::new(login));
        // Who was logged in before is so no longer.
        self.covers.iter_mut().for_each(|cover| cover.by_login = false);
        // Warrants that start later cover what comes later: the session is the target's from now on.
        self.covers.mark(&found, |cover| cover.by_login = true);
        for warrant in found.iter().filter(|warrant| warrant.covers(first) && warrant.covers(last)) {
            let at = self.covers.place(warrant);
            self.begin(at, ctx);
            if warrant.grant().is_some() {
                for step in exchange.redacted(warrant.authentication_data.keep()) {
                    let piece = Piece {
                        from: step.from,
                        offset: step.offset,
                        first: step.first,
                        last: step.last,
                        octets: Bytes::copy_from_slice(&step.octets),
                        redacted: true,
                        on_wire: step.octets.len() as u64,
                    };
                    self.covers.tell_content(at, ctx, Side::Client, &piece);
                }
            }
        }
        self.join_open(&found, ctx);
    }

    /// What the client has begun to send it will send as who it is now. RFC 4954 §4 forbids AUTH there, and some servers allow it.
    fn join_open(&mut self, found: &[Arc<Warrant>], ctx: &mut Context<'_>) {
        for open in &mut self.transactions {
            let first = open.first;
            for warrant in found.iter().filter(|warrant| warrant.covers(first)) {
                let at = self.covers.place(warrant);
                if let Some(cover) = self.covers.get_mut(at) {
                    cover.by_sender = true;
                }
                open.joined(at);
            }
            open.flush(&mut self.covers, ctx);
        }
    }

    /// The server was heard. Where it was not until now, a login was believed that is known from the client alone: from here
    /// on nobody is.
    pub(super) fn heard(&mut self) {
        let believed = !std::mem::replace(&mut self.server_heard, true)
            && self.login.take_if(|login| login.result != AaaResult::Succeeded).is_some();
        if believed {
            self.covers.iter_mut().for_each(|cover| cover.by_login = false);
        }
    }

    /// A login that is not known to have succeeded.
    fn login_tried(
        &mut self,
        exchange: &Exchange,
        login: &Login,
        found: &[Arc<Warrant>],
        (event, status): (MailEvent, Status),
        ctx: &mut Context<'_>,
    ) {
        let octets = |from: Direction| {
            exchange.steps.iter().filter(|step| step.from == from).map(|step| step.octets.len() as u64).sum()
        };
        let mut told = self.covers.places(Cover::is_whole);
        for warrant in found {
            let at = self.covers.place(warrant);
            if !told.contains(&at) {
                told.push(at);
            }
        }
        for at in told {
            let Some(warrant) = self.covers.get_mut(at).map(|cover| Arc::clone(&cover.warrant)) else { continue };
            let mut iri = self.covers.iri(IriType::Report, event, status);
            iri.client_octets = octets(Direction::FromClient);
            iri.server_octets = octets(Direction::FromServer);
            iri.aaa = login.told_under(&warrant);
            self.covers.tell_iri(at, ctx, login.first, login.last, iri);
        }
    }

    /// QUIT was answered.
    pub(super) fn quit(&mut self, command: &Command, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        // 221 answers QUIT and nothing else (RFC 5321 §4.2.3), and 421 ends the session as well. After any other the session goes
        // on, or its end is seen when the connection is closed.
        if let Some(reply) = reply.filter(|reply| !matches!(reply.code, 221 | 421)) {
            if reply.code >= 400 {
                self.quit_octets = 0;
            }
            return;
        }
        // The word may stand in the text of a message whose DATA was lost.
        if !command.is_certain && reply.is_none_or(|reply| reply.code != 221) {
            return;
        }
        let client_octets = std::mem::take(&mut self.quit_octets);
        let (first, last) = (command.line.first, reply.map_or(command.line.last, |reply| reply.last));
        self.abandon_up_to(command.transaction, last, ctx);
        let status = if reply.is_some_and(Reply::is_positive) { Status::Succeeded } else { Status::Unknown };
        self.end(first, last, status, client_octets, reply.map_or(0, Reply::wire_octets), ctx);
    }

    /// The connection is over, however it ended.
    pub(crate) fn close(&mut self, time: Time, ctx: &mut Context<'_>) {
        self.abandon_all(time, ctx);
        let client_octets = std::mem::take(&mut self.quit_octets);
        self.end(time, time, Status::Unknown, client_octets, 0, ctx);
    }

    fn end(
        &mut self,
        first: Time,
        last: Time,
        status: Status,
        client_octets: u64,
        server_octets: u64,
        ctx: &mut Context<'_>,
    ) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        // A session of which nothing was handed over has no end to tell.
        for at in self.covers.places(|cover| cover.has_session() && cover.is_open()) {
            let mut iri = self.covers.iri(IriType::End, MailEvent::Logoff, status);
            iri.client_octets = client_octets;
            iri.server_octets = server_octets;
            self.covers.tell_iri(at, ctx, first, last, iri);
        }
    }
}
