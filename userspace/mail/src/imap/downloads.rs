//! The messages that the responses to one command brought.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::asked::Asked;
use super::fetch::Fetched;
use crate::access::{Transfer, TransferKind, TransferResult};

/// What of a message was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// All of it, in one.
    pub(super) whole: bool,
    /// All of its header.
    pub(super) header: bool,
    /// All of its text.
    pub(super) text: bool,
    /// Something of it.
    pub(super) part: bool,
}

impl Sent {
    /// What that is; `None` where it is nothing.
    pub(super) fn kind(self) -> Option<TransferKind> {
        if self.whole || (self.header && self.text) {
            return Some(TransferKind::Download);
        }
        self.part.then_some(TransferKind::PartialDownload)
    }

    fn and(self, more: Self) -> Self {
        Self {
            whole: self.whole || more.whole,
            header: self.header || more.header,
            text: self.text || more.text,
            part: self.part || more.part,
        }
    }
}

/// A message that waits for the command's end to be told.
struct Waiting {
    transfer: Transfer,
    /// Its number; 0 where it has none.
    number: u32,
    uid: Option<u32>,
    sent: Sent,
}

/// The messages that a command's responses brought.
#[derive(Default)]
pub(super) struct Downloads {
    /// What was asked for.
    pub(super) asked: Asked,
    waiting: VecDeque<Waiting>,
    /// Where the messages that have a number stand, counted from the first that there was.
    places: BTreeMap<u32, u64>,
    /// How many were told before.
    told: u64,
}

impl Downloads {
    /// Whether nothing of any message was sent.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.told == 0
    }

    /// How many messages wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Adds what a response brought: to the message, where some of it came before, and else as another. Gives the oldest where more
    /// than `limit` wait.
    pub(super) fn add(&mut self, fetched: Fetched, mut transfer: Transfer, limit: usize) -> Option<Transfer> {
        let (number, uid, sent) = (fetched.number, fetched.uid(), fetched.sent());
        (transfer.sender, transfer.message_id) = fetched.into_names();
        let place = self.places.get(&number).and_then(|place| place.checked_sub(self.told));
        let before = place.and_then(|place| self.waiting.get_mut(usize::try_from(place).ok()?));
        let is_other = |before: &Waiting| matches!((before.uid, uid), (Some(one), Some(other)) if one != other);
        if let Some(before) = before.filter(|before| !is_other(before)) {
            before.add(uid, sent, transfer);
            return None;
        }
        if number > 0 {
            self.places.insert(number, self.told + self.waiting.len() as u64);
        }
        self.waiting.push_back(Waiting { transfer, number, uid, sent });
        if self.waiting.len() <= limit {
            return None;
        }
        let oldest = self.waiting.pop_front()?;
        if self.places.get(&oldest.number) == Some(&self.told) {
            self.places.remove(&oldest.number);
        }
        self.told += 1;
        Some(oldest.transfer)
    }

    /// All that wait, in their order.
    pub(super) fn take(&mut self) -> VecDeque<Transfer> {
        std::mem::take(&mut self.waiting).into_iter().map(|waiting| waiting.transfer).collect()
    }

    /// How many messages were asked for by number, and nothing of them was seen. Of UIDs that are no message a server says
    /// nothing, so those in a range are not counted; nor is anything of more than `limit`, which is how some clients ask for all
    /// that there are.
    pub(super) fn unseen(&self, limit: usize) -> usize {
        if self.told > 0 {
            return 0;
        }
        let uids: BTreeSet<u32> = self.waiting.iter().filter_map(|waiting| waiting.uid).collect();
        let is_seen = |number: &u32| match self.asked.by_uid() {
            true => uids.contains(number),
            false => self.places.contains_key(number),
        };
        // One that is named twice is one.
        let mut unseen = BTreeSet::new();
        for number in self.asked.messages().filter(|number| !is_seen(number)) {
            if unseen.len() >= limit {
                return 0;
            }
            unseen.insert(number);
        }
        unseen.len()
    }
}

impl Waiting {
    fn add(&mut self, uid: Option<u32>, sent: Sent, more: Transfer) {
        self.uid = self.uid.or(uid);
        self.sent = self.sent.and(sent);
        let transfer = &mut self.transfer;
        transfer.kind = self.sent.kind().unwrap_or(transfer.kind);
        transfer.server_octets += more.server_octets;
        transfer.last = more.last;
        transfer.sender = transfer.sender.take().or(more.sender);
        transfer.message_id = transfer.message_id.take().or(more.message_id);
        if more.result == TransferResult::Unknown {
            transfer.result = TransferResult::Unknown;
        }
    }
}
