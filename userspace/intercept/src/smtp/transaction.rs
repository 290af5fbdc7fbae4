//! One mail transaction (RFC 5321 §3.3): from MAIL to the reply that ends it. Each stands alone.

use std::collections::VecDeque;
use std::sync::Arc;

use writ_mail::head::Head;
use writ_wire::Time;

use crate::context::Context;
use crate::cover::{Covers, Piece, Side};
use crate::record::{Iri, Notice, Status};
use crate::warrant::Warrant;

/// `e-mail-Recipients` holds no more (annex D).
pub(super) const MAX_RECIPIENTS: usize = 1023;

/// Why a warrant covers, or may come to cover, a transaction.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// The sender is the target.
    Sender,
    /// This recipient is.
    Recipient(Box<str>),
}

/// A warrant that covers the transaction.
pub(super) struct Match {
    /// Its place among the session's covers.
    pub(super) cover: usize,
    /// Whether the client is the target: a send.
    pub(super) as_sender: bool,
    /// The recipient that is the target: a receipt.
    pub(super) as_recipient: Option<Box<str>>,
    /// How many of the held pieces were handed over.
    sent: usize,
    /// Octets that are missing and were told.
    told_missing: u64,
}

impl Match {
    fn side(&self) -> Side {
        if self.as_sender { Side::Client } else { Side::Server }
    }
}

/// One transaction.
pub(super) struct Transaction {
    pub(super) serial: u32,
    /// The time of the packet with its first octet.
    pub(super) first: Time,
    /// `None` where MAIL was not captured.
    pub(super) sender: Option<String>,
    pub(super) recipients: Vec<String>,
    pub(super) total_recipients: u32,
    pub(super) client_octets: u64,
    pub(super) server_octets: u64,
    pub(super) matches: Vec<Match>,
    /// Warrants that will cover it if the server accepts the command with this number (0 is MAIL, then each RCPT).
    maybe: VecDeque<(u32, Cause, Arc<Warrant>)>,
    commands_told: u32,
    commands_answered: u32,
    /// Whether no recipient can be added any more.
    pub(super) envelope_closed: bool,
    /// Whether the server refused something that the message needed.
    pub(super) refused: bool,
    held: Vec<Piece>,
    held_octets: usize,
    /// Octets of content that are missing: not captured, or not held.
    not_captured: (u64, u64),
    not_held: u64,
}

impl Transaction {
    pub(super) fn new(serial: u32, first: Time, sender: Option<&str>) -> Self {
        Self {
            serial,
            first,
            sender: sender.map(str::to_owned),
            recipients: Vec::new(),
            total_recipients: 0,
            client_octets: 0,
            server_octets: 0,
            matches: Vec::new(),
            maybe: VecDeque::new(),
            commands_told: 0,
            commands_answered: 0,
            envelope_closed: false,
            refused: false,
            held: Vec::new(),
            held_octets: 0,
            not_captured: (0, 0),
            not_held: 0,
        }
    }

    /// MAIL or RCPT was told; `found` would cover the transaction if it is accepted.
    pub(super) fn envelope_told(&mut self, cause: &Cause, found: Vec<Arc<Warrant>>) {
        let number = self.commands_told;
        self.commands_told += 1;
        self.maybe.extend(found.into_iter().map(|warrant| (number, cause.clone(), warrant)));
    }

    /// MAIL or RCPT was answered: gives the warrants that hang on it.
    pub(super) fn envelope_answered(&mut self) -> Vec<(Cause, Arc<Warrant>)> {
        let number = self.commands_answered;
        self.commands_answered += 1;
        let mut settled = Vec::new();
        while let Some((_, cause, warrant)) = self.maybe.pop_front_if(|(of, ..)| *of <= number) {
            settled.push((cause, warrant));
        }
        settled
    }

    /// A warrant covers it.
    pub(super) fn matched(&mut self, cover: usize, cause: Cause) {
        let at = self.matches.iter().position(|known| known.cover == cover).unwrap_or_else(|| {
            let new = Match { cover, as_sender: false, as_recipient: None, sent: 0, told_missing: 0 };
            self.matches.push(new);
            self.matches.len() - 1
        });
        if let Some(known) = self.matches.get_mut(at) {
            match cause {
                Cause::Sender => known.as_sender = true,
                Cause::Recipient(mailbox) => drop(known.as_recipient.get_or_insert(mailbox)),
            }
        }
    }

    pub(super) fn add_recipient(&mut self, mailbox: &str) {
        self.total_recipients = self.total_recipients.saturating_add(1);
        if self.recipients.len() < MAX_RECIPIENTS {
            self.recipients.push(mailbox.to_owned());
        }
    }

    /// Whether pieces are worth keeping: some warrant that gives content covers it, or still may.
    pub(super) fn wants_content(&self, covers: &Covers) -> bool {
        let given = |warrant: &Warrant| warrant.grant().is_some();
        !self.envelope_closed
            || self.maybe.iter().any(|(_, _, warrant)| given(warrant))
            || self
                .matches
                .iter()
                .any(|known| covers.iter().nth(known.cover).is_some_and(|cover| given(&cover.warrant)))
    }

    /// Adds a piece, and hands over what can be.
    pub(super) fn add(&mut self, covers: &mut Covers, ctx: &mut Context<'_>, piece: Piece) {
        if self.envelope_closed && self.maybe.is_empty() && self.held.is_empty() {
            for known in &self.matches {
                covers.tell_content(known.cover, ctx, known.side(), &piece);
            }
            return;
        }
        // A piece keeps an allocation of its own.
        let cost = piece.octets.len() + size_of::<Piece>();
        if self.held_octets + cost > ctx.settings.hold_octets {
            self.not_held += piece.octets.len() as u64;
            ctx.counters.octets_not_held += piece.octets.len() as u64;
        } else {
            self.held_octets += cost;
            self.held.push(piece);
        }
        self.flush(covers, ctx);
    }

    /// Hands over what is held to those whose it is by now; lets it go once nobody else can come.
    pub(super) fn flush(&mut self, covers: &mut Covers, ctx: &mut Context<'_>) {
        for known in &mut self.matches {
            for piece in self.held.get(known.sent..).unwrap_or_default() {
                covers.tell_content(known.cover, ctx, known.side(), piece);
            }
            known.sent = self.held.len();
        }
        if self.envelope_closed && self.maybe.is_empty() {
            self.held = Vec::new();
            self.held_octets = 0;
        }
    }

    /// Whether it is not yet known of what was read whether it is covered.
    pub(super) fn is_undecided(&self) -> bool {
        !self.envelope_closed || !self.maybe.is_empty()
    }

    /// Octets of it were not captured.
    pub(super) fn missed(&mut self, octets: u64, from_client: bool) {
        let count = if from_client { &mut self.not_captured.0 } else { &mut self.not_captured.1 };
        *count += octets;
    }

    /// Tells what is missing of it to those whom it covers and who were not told.
    pub(super) fn tell_missing(&mut self, covers: &mut Covers, ctx: &mut Context<'_>, time: Time) {
        let (by_client, by_server) = self.not_captured;
        let all = by_client + by_server + self.not_held;
        for known in &mut self.matches {
            if known.told_missing == all {
                continue;
            }
            known.told_missing = all;
            for (octets, from_client) in [(by_client, true), (by_server, false)] {
                if octets > 0 {
                    ctx.counters.covered_octets_missed += octets;
                    covers.tell_notice(known.cover, ctx, time, Notice::OctetsMissed { octets, from_client });
                }
            }
            if self.not_held > 0 {
                covers.tell_notice(known.cover, ctx, time, Notice::OctetsNotHeld { octets: self.not_held });
            }
        }
    }

    /// Another MAIL was refused while this transaction was open: its octets are part of this one.
    pub(super) fn absorb(&mut self, refused: Self, covers: &mut Covers, ctx: &mut Context<'_>) {
        self.serial = refused.serial;
        self.client_octets += refused.client_octets;
        self.server_octets += refused.server_octets;
        for piece in refused.held {
            self.add(covers, ctx, piece);
        }
    }

    /// Fills in what IRI says of a message.
    pub(super) fn describe(&self, iri: &mut Iri, head: &Head, target: Option<&str>) {
        iri.client_octets = self.client_octets;
        iri.server_octets = self.server_octets;
        iri.sender.clone_from(&self.sender);
        iri.recipients.clone_from(&self.recipients);
        // Where not all fit, the one that the record is about is among those that are named.
        if let Some(target) = target.filter(|target| !self.recipients.iter().any(|mailbox| mailbox == target))
            && let Some(last) = iri.recipients.last_mut()
        {
            *last = target.to_owned();
        }
        iri.total_recipients = Some(self.total_recipients);
        let id = head.message_id.as_ref().or(head.resent_message_id.as_ref());
        iri.message_id = id.map(|id| id.to_vec());
    }

    /// Clause 7.7: the message has reached its destination only where every mailbox it is about is on the server.
    pub(super) fn status(&self, ctx: &Context<'_>, target: Option<&str>) -> Status {
        let here = match target {
            Some(target) => ctx.settings.is_delivered_here(target),
            None => {
                self.total_recipients as usize == self.recipients.len()
                    && !self.recipients.is_empty()
                    && self.recipients.iter().all(|mailbox| ctx.settings.is_delivered_here(mailbox))
            }
        };
        if here { Status::Succeeded } else { Status::Unknown }
    }
}
