//! One mail transaction (RFC 5321 §3.3): from MAIL to the reply that ends it. Each stands alone.

use std::collections::VecDeque;
use std::sync::Arc;

use writ_mail::head::Head;
use writ_mail::smtp::Fate;
use writ_wire::Time;

use super::burl::Urls;
use super::receiver::Receiver;
use crate::context::Context;
use crate::cover::{Cover, Covers, Piece, Side};
use crate::record::{Iri, Notice, Status};
use crate::told::First;
use crate::warrant::Warrant;

/// `e-mail-Recipients` holds no more (annex D).
pub(super) const MAX_RECIPIENTS: usize = 1023;
/// Characters kept of an address: one more than annex D has room for, so that the encoder sees that it was longer.
const MAX_ADDRESS: usize = 256;

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
    pub(super) as_recipient: Option<Receiver>,
    /// Whether the message was refused for every recipient that was the target, after it was taken for others.
    pub(super) refused_for: bool,
    /// How many of the held pieces were handed over.
    sent: usize,
    /// Octets that had no room, and are missing here.
    not_held: u64,
    /// What was told of octets that were not captured, client and server, and of those not held.
    told: (u64, u64, u64),
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
    pub(super) sender: Box<str>,
    /// Those that the server accepted, the first of them.
    pub(super) recipients: Vec<Box<str>>,
    /// For which of these it refused the message, in ascending order (RFC 2033); how many of all.
    refused_recipients: Vec<u32>,
    refused_total: u32,
    pub(super) total_recipients: u32,
    /// Whether some recipient's mailbox is elsewhere, by what the server said.
    elsewhere: bool,
    pub(super) client_octets: u64,
    pub(super) server_octets: u64,
    pub(super) matches: Vec<Match>,
    /// Warrants that will cover it if the server accepts the command with this number (0 is MAIL, then each RCPT).
    maybe: VecDeque<(u32, Cause, Arc<Warrant>)>,
    commands_told: u32,
    commands_answered: u32,
    /// Whether no recipient can be added any more.
    envelope_closed: bool,
    /// Whether the server refused something that the message needed.
    pub(super) refused: bool,
    /// Whether octets of a message were sent.
    pub(super) content_begun: bool,
    /// Whether commands were lost, so that it may be another's transaction by now.
    doubtful: bool,
    held: Vec<Piece>,
    held_octets: usize,
    /// Where what is held begins.
    held_from: First,
    /// Octets that were not captured, client and server.
    not_captured: (u64, u64),
    not_held: u64,
    /// Parts that the server fetches by itself (BURL).
    pub(super) urls: Urls,
}

impl Transaction {
    pub(super) fn new(serial: u32, first: Time, sender: &str) -> Self {
        Self {
            serial,
            first,
            sender: shortened(sender),
            recipients: Vec::new(),
            refused_recipients: Vec::new(),
            refused_total: 0,
            total_recipients: 0,
            elsewhere: false,
            client_octets: 0,
            server_octets: 0,
            matches: Vec::new(),
            maybe: VecDeque::new(),
            commands_told: 0,
            commands_answered: 0,
            envelope_closed: false,
            refused: false,
            content_begun: false,
            doubtful: false,
            held: Vec::new(),
            held_octets: 0,
            held_from: First::default(),
            not_captured: (0, 0),
            not_held: 0,
            urls: Urls::default(),
        }
    }

    /// MAIL or RCPT was told; `found` would cover the transaction if it is accepted.
    pub(super) fn envelope_told(&mut self, cause: &Cause, found: Vec<Arc<Warrant>>) {
        let number = self.commands_told;
        self.commands_told += 1;
        if !self.doubtful {
            self.maybe.extend(found.into_iter().map(|warrant| (number, cause.clone(), warrant)));
        }
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

    /// A warrant covers it. Of a recipient, `is_here` says whether its mailbox is on the server.
    pub(super) fn matched(&mut self, cover: usize, cause: Cause, is_here: bool) {
        let number = self.total_recipients.saturating_sub(1);
        let at = self.matches.iter().position(|known| known.cover == cover).unwrap_or_else(|| {
            self.matches.push(Match {
                cover,
                as_sender: false,
                as_recipient: None,
                refused_for: false,
                sent: 0,
                not_held: self.not_held,
                told: (0, 0, 0),
            });
            self.matches.len() - 1
        });
        if let Some(known) = self.matches.get_mut(at) {
            match cause {
                Cause::Sender => known.as_sender = true,
                Cause::Recipient(mailbox) => {
                    known.as_recipient.get_or_insert_default().add(number, shortened(&mailbox), is_here);
                }
            }
        }
    }

    /// The sender became a target while it was open. What is not held any more is missing for it.
    pub(super) fn joined(&mut self, cover: usize) {
        let is_new = !self.matches.iter().any(|known| known.cover == cover);
        self.matched(cover, Cause::Sender, false);
        if is_new
            && self.envelope_closed
            && let Some(known) = self.matches.last_mut()
        {
            known.not_held = self.client_octets + self.server_octets;
        }
    }

    pub(super) fn add_recipient(&mut self, mailbox: &str, elsewhere: bool) {
        self.total_recipients = self.total_recipients.saturating_add(1);
        self.elsewhere |= elsewhere;
        if self.recipients.len() < MAX_RECIPIENTS {
            self.recipients.push(shortened(mailbox));
        }
    }

    /// What became of the message for one of its recipients.
    pub(super) fn recipient_answered(&mut self, number: u32, fate: Fate) {
        let is_told = (number as usize) < self.recipients.len();
        match fate {
            Fate::Refused | Fate::BrokenOff => {
                self.refused_total = self.refused_total.saturating_add(1);
                if is_told {
                    self.refused_recipients.push(number);
                }
                for known in &mut self.matches {
                    if known.as_recipient.as_mut().is_some_and(|receiver| receiver.refused(number)) {
                        known.refused_for = true;
                    }
                }
            }
            Fate::Unknown => {
                let receivers = self.matches.iter_mut().filter_map(|known| known.as_recipient.as_mut());
                receivers.for_each(|receiver| receiver.unknown(number));
            }
            Fate::Accepted => {}
        }
    }

    /// The recipients for whom the message was not refused.
    fn kept_recipients(&self) -> impl Iterator<Item = &str> {
        let is_refused =
            |at: &usize| u32::try_from(*at).is_ok_and(|number| self.refused_recipients.binary_search(&number).is_ok());
        self.recipients.iter().enumerate().filter(move |(at, _)| !is_refused(at)).map(|(_, mailbox)| &**mailbox)
    }

    /// Commands were lost: leaves it to the warrants that cover the client, whoever the sender is.
    pub(super) fn doubt(&mut self, covers: &Covers) {
        self.doubtful = true;
        let whole = |at: usize| covers.iter().nth(at).is_some_and(|cover| cover.is_whole());
        self.matches.retain(|known| whole(known.cover) && known.as_sender);
        self.matches.iter_mut().for_each(|known| known.as_recipient = None);
        let is_client = |warrant: &Arc<Warrant>| {
            covers.iter().any(|cover| cover.is_whole() && Arc::ptr_eq(&cover.warrant, warrant))
        };
        self.maybe.retain(|(_, cause, warrant)| *cause == Cause::Sender && is_client(warrant));
    }

    /// Whether pieces are worth keeping: some warrant that gives content covers it, or still may.
    pub(super) fn wants_content(&self, covers: &Covers) -> bool {
        let given = |warrant: &Warrant| warrant.grant().is_some();
        let covers = |known: &Match| covers.iter().nth(known.cover).is_some_and(|cover| given(&cover.warrant));
        !self.envelope_closed
            || self.maybe.iter().any(|(_, _, warrant)| given(warrant))
            || self.matches.iter().any(covers)
    }

    /// Adds a piece, and hands over what can be. All transactions of the session may hold `room` octets together with
    /// this one.
    pub(super) fn add(&mut self, covers: &mut Covers, ctx: &mut Context<'_>, piece: Piece, room: usize) {
        // A piece keeps an allocation of its own.
        let cost = piece.octets.len() + size_of::<Piece>();
        let is_decided = !self.is_undecided() && self.held.is_empty();
        if !is_decided && self.held_octets + cost <= room {
            self.held_octets += cost;
            self.held_from.add(piece.from, piece.offset);
            self.held.push(piece);
            self.flush(covers, ctx);
            return;
        }
        // It goes to those who are known now; whoever comes later is told that it is missing.
        self.flush(covers, ctx);
        for known in &self.matches {
            covers.tell_content(known.cover, ctx, known.side(), &piece);
        }
        if !is_decided {
            self.not_held += piece.octets.len() as u64;
            ctx.counters.octets_not_held += piece.octets.len() as u64;
        }
    }

    /// Octets of a line or reply without end were never kept: they are missing for everyone.
    pub(super) fn cut(&mut self, octets: u64, ctx: &mut Context<'_>) {
        self.not_held += octets;
        self.matches.iter_mut().for_each(|known| known.not_held += octets);
        ctx.counters.octets_not_held += octets;
    }

    /// Octets of it go out that are no octets of this connection: none of its packets has them.
    pub(super) fn not_in_packets(&mut self, covers: &Covers, octets: u64) {
        for known in &mut self.matches {
            if covers.iter().nth(known.cover).is_some_and(Cover::wants_packets) {
                known.not_held += octets;
            }
        }
    }

    /// The warrants that cover it, or may.
    pub(super) fn warrants<'a>(&'a self, covers: &'a Covers) -> impl Iterator<Item = &'a Arc<Warrant>> {
        let known = self.matches.iter().filter_map(|known| covers.iter().nth(known.cover));
        known.map(|cover| &cover.warrant).chain(self.maybe.iter().map(|(_, _, warrant)| warrant))
    }

    /// Hands over what is held to those whose it is by now; lets it go once nobody else can come.
    pub(super) fn flush(&mut self, covers: &mut Covers, ctx: &mut Context<'_>) {
        for known in &mut self.matches {
            for piece in self.held.get(known.sent..).unwrap_or_default() {
                covers.tell_content(known.cover, ctx, known.side(), piece);
            }
            known.sent = self.held.len();
        }
        if !self.is_undecided() {
            self.held = Vec::new();
            self.held_octets = 0;
            self.held_from = First::default();
            self.matches.iter_mut().for_each(|known| known.sent = 0);
        }
    }

    /// No recipient can come any more.
    pub(super) fn close_envelope(&mut self, covers: &mut Covers, ctx: &mut Context<'_>) {
        if !std::mem::replace(&mut self.envelope_closed, true) {
            self.flush(covers, ctx);
        }
    }

    /// The places of the warrants that cover it.
    pub(super) fn covers(&self) -> impl Iterator<Item = usize> {
        self.matches.iter().map(|known| known.cover)
    }

    pub(super) fn held_octets(&self) -> usize {
        self.held_octets
    }

    /// Whether it is not yet known of what was read whether it is covered.
    fn is_undecided(&self) -> bool {
        !self.envelope_closed || !self.maybe.is_empty()
    }

    /// The stream offsets, the client's and the server's, up to which it is known of all octets before `upto` whether they are covered.
    pub(super) fn decided_to(&self, upto: (u64, u64)) -> (u64, u64) {
        if self.is_undecided() { self.held_from.before(upto) } else { upto }
    }

    /// Octets of it were not captured.
    pub(super) fn missed(&mut self, octets: u64, from_client: bool) {
        let count = if from_client { &mut self.not_captured.0 } else { &mut self.not_captured.1 };
        *count += octets;
    }

    /// Tells what is missing of it to those whom it covers and who were not told.
    pub(super) fn tell_missing(&mut self, covers: &mut Covers, ctx: &mut Context<'_>, time: Time) {
        for known in &mut self.matches {
            let now = (self.not_captured.0, self.not_captured.1, known.not_held);
            let before = std::mem::replace(&mut known.told, now);
            for (octets, from_client) in [(now.0 - before.0, true), (now.1 - before.1, false)] {
                let notice = Notice::OctetsMissed { octets, from_client };
                if octets > 0 && covers.tell_notice(known.cover, ctx, time, notice) {
                    ctx.counters.covered_octets_missed += octets;
                }
            }
            // Under a warrant for IRI alone nothing was to be held.
            let gives = covers.iter().nth(known.cover).is_some_and(|cover| cover.warrant.grant().is_some());
            if now.2 > before.2 && gives {
                covers.tell_notice(known.cover, ctx, time, Notice::OctetsNotHeld { octets: now.2 - before.2 });
            }
        }
    }

    /// Another MAIL was refused while this transaction was open: its octets are part of this one, and the commands after
    /// it too.
    pub(super) fn absorb(&mut self, refused: Self, covers: &mut Covers, ctx: &mut Context<'_>) {
        self.serial = refused.serial;
        self.client_octets += refused.client_octets;
        self.server_octets += refused.server_octets;
        self.not_held += refused.not_held;
        self.content_begun |= refused.content_begun;
        // Its MAIL had number 0, and is answered.
        let told = self.commands_told;
        self.maybe.extend(
            refused.maybe.into_iter().map(|(number, cause, warrant)| (told + number.saturating_sub(1), cause, warrant)),
        );
        self.commands_told += refused.commands_told.saturating_sub(1);
        self.urls.absorb(refused.urls);
        let room = self.held_octets + refused.held_octets;
        for piece in refused.held {
            self.add(covers, ctx, piece, room);
        }
        if refused.envelope_closed {
            self.close_envelope(covers, ctx);
        }
    }

    /// Fills in what IRI says of a message.
    pub(super) fn describe(&self, iri: &mut Iri, head: &Head, target: Option<&Receiver>) {
        // Of a message that was refused, all are told for whom it was meant.
        let is_kept = self.refused_total < self.total_recipients && iri.status != Status::Failed;
        let total = if is_kept { self.total_recipients - self.refused_total } else { self.total_recipients };
        iri.client_octets = self.client_octets;
        iri.server_octets = self.server_octets;
        iri.sender = Some(self.sender.to_string());
        iri.recipients = if is_kept {
            self.kept_recipients().map(ToOwned::to_owned).collect()
        } else {
            self.recipients.iter().map(ToString::to_string).collect()
        };
        // Where not all fit, the one that the record is about is among those that are named.
        if let Some(target) = target
            && self.total_recipients as usize > MAX_RECIPIENTS
            && !iri.recipients.iter().any(|told| told == target.mailbox())
            && !target.mailbox().is_empty()
            && let Some(last) = iri.recipients.last_mut()
        {
            *last = target.mailbox().to_owned();
        }
        iri.total_recipients = Some(total);
        iri.message_id = head.identifier().map(<[u8]>::to_vec);
    }

    /// Clause 7.7: the message has reached its destination only where every mailbox it is about is on the server.
    pub(super) fn status(&self, ctx: &Context<'_>, target: Option<&Receiver>) -> Status {
        let here = match target {
            Some(target) => target.is_here(),
            None => {
                !self.elsewhere
                    && self.total_recipients as usize == self.recipients.len()
                    && !self.recipients.is_empty()
                    && self.kept_recipients().all(|mailbox| ctx.settings.is_delivered_here(mailbox))
            }
        };
        if here { Status::Succeeded } else { Status::Unknown }
    }
}

fn shortened(address: &str) -> Box<str> {
    let end = address.char_indices().nth(MAX_ADDRESS).map_or(address.len(), |(at, _)| at);
    address.get(..end).unwrap_or(address).into()
}
