//! BURL (RFC 4468): a part of a message that the server fetches from a mailbox, on a connection of its own.
//!
//! What was seen of that is content of the transaction, between the command and its reply: the URL and the number of octets as
//! URLFETCH says them, and the octets.

use bytes::Bytes;
use writ_mail::head::Head;
use writ_mail::smtp::{Command, Reply, Verb};
use writ_wire::Direction::FromClient;
use writ_wire::Time;

use super::Follow;
use super::transaction::Transaction;
use crate::context::Context;
use crate::cover::Piece;
use crate::forward::{Fetched, Ticket};

/// Parts of one message that are looked for.
const MAX_PARTS: usize = 64;

/// The parts of a message that the server fetches.
#[derive(Default)]
pub(super) struct Urls {
    /// Those not handed over yet, in their order.
    asked: Vec<Asked>,
    /// Whether the message begins with one; then the head in what the client sends is none.
    is_first: bool,
    head: Option<Box<Head>>,
}

struct Asked {
    /// Where its command stands.
    offset: u64,
    /// `None` where it is not looked for.
    ticket: Option<Ticket>,
    is_first: bool,
}

impl Urls {
    /// The message's head: that of its first part.
    pub(super) fn head<'a>(&'a self, sent: &'a Head) -> &'a Head {
        self.head.as_deref().unwrap_or(sent)
    }

    /// Those of a transaction that turned out to be this one.
    pub(super) fn absorb(&mut self, other: Self) {
        self.asked.extend(other.asked);
    }

    /// Nothing is waited for any longer.
    pub(super) fn release(&mut self, ctx: &mut Context<'_>) {
        for ticket in self.asked.drain(..).filter_map(|asked| asked.ticket) {
            ctx.forwards.release(ticket);
        }
    }
}

/// The URL of a BURL command.
fn url(command: &Command) -> &[u8] {
    let mut words = command.line.text().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.nth(1).unwrap_or_default()
}

impl Follow {
    /// BURL was told: from now on the server may fetch what it names.
    pub(super) fn burl(&mut self, at: usize, command: &Command, ctx: &mut Context<'_>) {
        let Some(open) = self.transactions.get_mut(at) else { return };
        if open.warrants(&self.covers).next().is_none() {
            return;
        }
        let is_content = open.warrants(&self.covers).any(|warrant| warrant.grant().is_some());
        let is_first = !open.content_begun && !std::mem::replace(&mut open.urls.is_first, true);
        let ticket = if open.urls.asked.len() < MAX_PARTS {
            ctx.forwards.ask(url(command), self.server, is_content, command.line.last, ctx.counters)
        } else {
            ctx.counters.urls_given_up += 1;
            None
        };
        open.urls.asked.push(Asked { offset: command.line.offset, ticket, is_first });
    }

    /// BDAT or BURL was answered: what the server fetched for the message is handed over.
    pub(super) fn chunk_answered(&mut self, command: &Command, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        let accepted = reply.is_none_or(Reply::is_positive);
        let time = reply.map_or(command.line.last, |reply| reply.last);
        let Some(open) = self.open(command.transaction) else { return };
        open.refused |= !accepted;
        let ends = match command.verb {
            Verb::Bdat { last, .. } => last,
            Verb::Burl { last } => {
                if let Some(asked) = open.urls.asked.iter_mut().find(|asked| asked.offset == command.line.offset) {
                    if asked.is_first && accepted {
                        open.urls.head = Some(Box::default());
                    }
                    asked.is_first &= accepted;
                }
                last
            }
            _ => return,
        };
        if accepted && matches!(command.verb, Verb::Burl { .. }) {
            open.content_begun = true;
            if let Some(at) = self.place_of(command.transaction)
                && let Some(open) = self.transactions.get_mut(at)
            {
                open.close_envelope(&mut self.covers, ctx);
            }
        }
        self.tell_fetched(command.transaction, time, ends, ctx);
    }

    /// Hands over what was fetched, in the order of the message: all that there is of it where `ends` says that no more comes, else
    /// as far as the parts are whole.
    pub(super) fn tell_fetched(&mut self, serial: u32, time: Time, ends: bool, ctx: &mut Context<'_>) {
        while let Some(at) = self.place_of(serial)
            && let Some(open) = self.transactions.get_mut(at)
            && let Some(asked) = open.urls.asked.first()
        {
            if !ends && asked.ticket.is_some_and(|ticket| !ctx.forwards.is_whole(ticket)) {
                return;
            }
            let Asked { ticket, is_first, .. } = open.urls.asked.remove(0);
            let Some(ticket) = ticket else { continue };
            let Some(fetched) = ctx.forwards.take(ticket) else {
                ctx.counters.urls_not_seen += 1;
                continue;
            };
            ctx.counters.urls_seen += 1;
            self.tell_part(at, fetched, is_first, time, ctx);
        }
    }

    fn tell_part(&mut self, at: usize, fetched: Fetched, is_first: bool, time: Time, ctx: &mut Context<'_>) {
        let Some(open) = self.transactions.get_mut(at) else { return };
        if is_first {
            open.urls.head = Some(Box::new(fetched.head));
        }
        open.missed(fetched.missed, true);
        open.cut(fetched.not_held, ctx);
        let octets: usize = fetched.pieces.iter().map(|(_, octets)| octets.len()).sum();
        open.not_in_packets(&self.covers, octets as u64);
        if let (Some((first, _)), Some((last, _))) = (fetched.pieces.first(), fetched.pieces.last()) {
            let mut line = b"* URLFETCH \"".to_vec();
            line.extend_from_slice(&fetched.url);
            line.extend_from_slice(format!("\" {{{octets}}}\r\n").as_bytes());
            let (first, last) = (*first, *last);
            self.add_fetched(at, first, Bytes::from(line), ctx);
            for (time, octets) in fetched.pieces {
                self.add_fetched(at, time, octets, ctx);
            }
            self.add_fetched(at, last, Bytes::from_static(b"\r\n"), ctx);
        }
        if let Some(open) = self.transactions.get_mut(at) {
            open.tell_missing(&mut self.covers, ctx, time);
        }
    }

    /// Octets of the message that stand nowhere in this connection.
    fn add_fetched(&mut self, at: usize, time: Time, octets: Bytes, ctx: &mut Context<'_>) {
        let piece = Piece { from: FromClient, offset: 0, first: time, last: time, octets, redacted: false, on_wire: 0 };
        self.add(at, piece, ctx);
    }
}

impl Transaction {
    /// It is over, and nobody is told of it: what it waits for is waited for no more.
    pub(super) fn release(mut self, ctx: &mut Context<'_>) {
        self.urls.release(ctx);
    }
}
