//! Forward without download: a message, or a part of one, that a submission server fetches from a mailbox by itself (BURL, RFC 4468).
//!
//! The transaction that asks for it is on one connection, and what was fetched (URLFETCH, RFC 4467) on another. Here is what both
//! know: which URLs the covered transactions of a worker wait for, and what was seen of these. Of any other URL nothing is kept.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hashbrown::HashMap;
use writ_mail::access::UrlContent;
use writ_mail::head::{Head, HeadReader};
use writ_wire::Time;

use crate::counters::Counters;

/// URLs that are waited for at a time; the one that has waited longest gives way.
const MAX_URLS: usize = 1024;
/// Octets that are held of them together.
const MAX_OCTETS: usize = 64 << 20;
/// Octets of a URL that is looked for: as much as is read of one.
const LONGEST_URL: usize = 1024;
/// A client waits no longer for the reply to a message (RFC 5321 §4.5.3.2.6).
const PATIENCE: Duration = Duration::from_secs(600);

/// A URL that a transaction waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// The URLs that are waited for.
#[derive(Default)]
pub(crate) struct Forwards {
    by_url: HashMap<Arc<[u8]>, Vec<u64>>,
    /// The one that has waited longest first.
    waits: BTreeMap<u64, Wait>,
    next: u64,
    held: usize,
}

/// What is waited for.
struct Wait {
    url: Arc<[u8]>,
    /// The submission server that fetches it.
    server: IpAddr,
    /// Transactions that wait for it.
    askers: usize,
    asked: Time,
    /// Whether some warrant may have its octets.
    is_content: bool,
    /// Which of the responses that name it is read.
    reading: u64,
    seen: Option<Box<Seen>>,
}

/// What was seen of a URL's content.
#[derive(Clone, Default)]
struct Seen {
    /// Whether it went to the address of the submission server.
    is_own: bool,
    size: u64,
    /// Where the next octets stand.
    next: u64,
    missed: u64,
    not_held: u64,
    pieces: VecDeque<(Time, BytesMut)>,
    /// `None` where octets are missing from it.
    head: Option<Box<HeadReader>>,
}

impl Seen {
    fn is_whole(&self) -> bool {
        self.next >= self.size
    }

    fn cost(&self) -> usize {
        self.pieces.iter().map(|(_, octets)| cost(octets.len())).sum()
    }
}

/// A piece keeps an allocation of its own.
fn cost(octets: usize) -> usize {
    octets + size_of::<(Time, BytesMut)>()
}

/// What a submission server fetched.
#[derive(Default)]
pub(crate) struct Fetched {
    /// The URL, as BURL had it.
    pub(crate) url: Bytes,
    /// Octets that were captured and kept, each with the time of the packet that carried them.
    pub(crate) pieces: Vec<(Time, Bytes)>,
    /// Octets that were not captured.
    pub(crate) missed: u64,
    /// Octets that were captured and had no room.
    pub(crate) not_held: u64,
    /// The message's head, as far as it was read.
    pub(crate) head: Head,
}

/// What a session of IMAP4 is sending: which response that is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sending(Option<(u64, u64)>);

impl Forwards {
    /// A covered transaction with `server` waits for what this URL names; `None` where it cannot be looked for. `is_content` says
    /// whether some warrant may have its octets, and not its head alone.
    pub(crate) fn ask(
        &mut self,
        url: &[u8],
        server: IpAddr,
        is_content: bool,
        time: Time,
        counters: &mut Counters,
    ) -> Option<Ticket> {
        let is_plain = |octet: &u8| octet.is_ascii_graphic() && !matches!(octet, b'"' | b'\\');
        if url.is_empty() || url.len() > LONGEST_URL || !url.iter().all(is_plain) {
            counters.urls_given_up += 1;
            return None;
        }
        // What began to be sent before was fetched for somebody else's message.
        let is_open = |wait: &Wait| wait.server == server && wait.seen.is_none();
        if let Some(id) = self.newest(url, is_open)
            && let Some(wait) = self.waits.get_mut(&id)
        {
            wait.askers += 1;
            wait.is_content |= is_content;
            return Some(Ticket(id));
        }
        let is_late = |wait: &Wait| wait.asked.after(PATIENCE) < time;
        while let Some((&oldest, wait)) = self.waits.first_key_value()
            && (self.waits.len() >= MAX_URLS || is_late(wait))
        {
            counters.urls_given_up += wait.askers as u64;
            self.remove(oldest);
        }
        let (id, url): (u64, Arc<[u8]>) = (self.number(), url.into());
        self.by_url.entry(Arc::clone(&url)).or_default().push(id);
        self.waits.insert(id, Wait { url, server, askers: 1, asked: time, is_content, reading: 0, seen: None });
        Some(Ticket(id))
    }

    /// The newest that waits for this URL and is `wanted`.
    fn newest(&self, url: &[u8], wanted: impl Fn(&Wait) -> bool) -> Option<u64> {
        let is_it = |id: &&u64| self.waits.get(*id).is_some_and(&wanted);
        self.by_url.get(url)?.iter().rev().find(is_it).copied()
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A server of IMAP4 sends octets of what a URL names to `client`.
    pub(crate) fn sent(&mut self, sending: &mut Sending, client: IpAddr, content: &UrlContent<'_>) {
        if content.at == 0 {
            *sending = Sending(self.begin(client, content));
        }
        let Some((id, response)) = sending.0 else { return };
        let Some(wait) = self.waits.get_mut(&id).filter(|wait| wait.reading == response) else {
            *sending = Sending(None);
            return;
        };
        let Some(seen) = &mut wait.seen else { return };
        let missed = content.at.saturating_sub(seen.next);
        seen.missed += missed;
        seen.next = content.at + content.octets.len() as u64;
        if missed > 0 {
            // What is left of a field says something else.
            seen.head = seen.head.take().filter(|head| head.is_done());
        }
        if let Some(head) = seen.head.as_mut().filter(|head| !head.is_done()) {
            head.push(content.octets);
        }
        if !wait.is_content || content.octets.is_empty() {
            return;
        }
        let new = match seen.pieces.back() {
            Some((time, _)) if *time == content.time => content.octets.len(),
            _ => cost(content.octets.len()),
        };
        if seen.not_held > 0 || self.held + new > MAX_OCTETS {
            seen.not_held += content.octets.len() as u64;
            return;
        }
        self.held += new;
        match seen.pieces.back_mut() {
            Some((time, octets)) if *time == content.time => octets.extend_from_slice(content.octets),
            _ => seen.pieces.push_back((content.time, BytesMut::from(content.octets))),
        }
    }

    /// A response begins: gives what it is of, and which it is. Of several for one URL the first that is whole counts, for those who had
    /// asked by then; but one to the submission server's own address before any other, for whoever knows the URL can make some server
    /// send anything for it elsewhere.
    fn begin(&mut self, client: IpAddr, content: &UrlContent<'_>) -> Option<(u64, u64)> {
        let may_replace = |wait: &Wait, is_own: bool| {
            wait.seen.as_ref().is_none_or(|seen| if seen.is_own == is_own { !seen.is_whole() } else { is_own })
        };
        let own = self.newest(content.url, |wait| wait.server == client && may_replace(wait, true));
        let id = own.or_else(|| self.newest(content.url, |wait| wait.server != client && may_replace(wait, false)))?;
        let response = self.number();
        let wait = self.waits.get_mut(&id)?;
        let is_own = wait.server == client;
        let seen = Seen { is_own, size: content.size, head: Some(Box::default()), ..Seen::default() };
        self.held -= wait.seen.replace(Box::new(seen)).map_or(0, |before| before.cost());
        wait.reading = response;
        Some((id, response))
    }

    /// Whether all of it was sent.
    pub(crate) fn is_whole(&self, ticket: Ticket) -> bool {
        let seen = self.waits.get(&ticket.0).and_then(|wait| wait.seen.as_ref());
        seen.is_some_and(|seen| seen.is_whole())
    }

    /// What was seen of it by now, if anything; the transaction waits for it no more.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Fetched> {
        let wait = self.waits.get_mut(&ticket.0)?;
        let url = Bytes::copy_from_slice(&wait.url);
        let is_last = wait.askers == 1;
        if is_last {
            self.held -= wait.seen.as_ref().map_or(0, |seen| seen.cost());
        }
        let seen = if is_last { wait.seen.take() } else { wait.seen.clone() };
        self.release(ticket);
        let mut seen = *seen?;
        let is_whole = seen.is_whole() && seen.missed == 0;
        // A header that was not sent to its end may end within a field.
        let head = seen.head.take().filter(|head| is_whole || head.is_done());
        Some(Fetched {
            url,
            // A server can announce as many octets as it likes.
            missed: seen.missed + seen.size.saturating_sub(seen.next).min(u32::MAX.into()),
            not_held: seen.not_held,
            head: head.map(|head| head.finish()).unwrap_or_default(),
            pieces: seen.pieces.into_iter().map(|(time, octets)| (time, octets.freeze())).collect(),
        })
    }

    /// The transaction waits for it no more.
    pub(crate) fn release(&mut self, ticket: Ticket) {
        let Some(wait) = self.waits.get_mut(&ticket.0) else { return };
        wait.askers -= 1;
        if wait.askers == 0 {
            self.remove(ticket.0);
        }
    }

    fn remove(&mut self, id: u64) {
        if let Some(wait) = self.waits.remove(&id) {
            if let Some(ids) = self.by_url.get_mut(&wait.url) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.by_url.remove(&wait.url);
                }
            }
            self.held -= wait.seen.map_or(0, |seen| seen.cost());
        }
    }
}
