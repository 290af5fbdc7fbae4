//! Commands that wait for the tagged responses that end them (RFC 3501 §2.2.2, §5.5).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use writ_wire::Time;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::append::{Upload, Uploads};
use super::asked::SUITS;
use super::command::Verb;
use super::downloads::Downloads;
use super::fetch::Fetched;
use super::login::{Attempt, Spelling};
use crate::access::{Transfer, TransferKind, TransferResult};

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// OK.
    Accepted,
    /// NO or BAD.
    Refused,
    /// The answer was not captured.
    Lost,
    /// Nothing waits for the answer any longer. It never counts as OK: that a client sends far ahead must not make its
    /// commands accepted.
    GivenUp,
    /// The connection ended.
    Closed,
}

impl Ending {
    /// What a transfer comes to.
    pub(super) fn result(self) -> TransferResult {
        match self {
            Self::Accepted => TransferResult::Succeeded,
            Self::Refused => TransferResult::Failed,
            Self::Lost | Self::GivenUp | Self::Closed => TransferResult::Unknown,
        }
    }
}

/// What more there is to know of a command.
pub(super) enum Kind {
    /// Nothing.
    Plain,
    /// COMPRESS, and whether it is of the kind that is understood.
    Compress(bool),
    /// A login, or what may be one.
    Login(Box<Attempt>),
    /// FETCH.
    Fetch(Box<Downloads>),
    /// CONVERT, URLFETCH.
    Convert(Box<Downloads>),
    /// APPEND, REPLACE.
    Append(Box<Uploads>),
}

/// A command's tag. Where a client sent a password as a line of its own, that stands in its place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
pub(super) struct Tag(pub(super) Vec<u8>);

/// A command in flight.
pub(super) struct Pending {
    /// Which it is: no two have the same.
    pub(super) id: u64,
    /// Its tag.
    pub(super) tag: Tag,
    /// Its name.
    pub(super) verb: Verb,
    pub(super) kind: Kind,
    /// Whether all of it was sent.
    pub(super) sent: bool,
    /// The answer, where that came before all of it was sent.
    pub(super) early: Option<Ending>,
    /// Whether its answer, or some of it, may have been among octets that were not captured.
    pub(super) doubtful: bool,
    /// Whether what is taken for its answer may be another's: see [`super::tags`].
    pub(super) shifted: bool,
    /// Whether it is only known to read like a command: octets of the client were lost before it, and a message can hold such
    /// a line.
    pub(super) guessed: bool,
    /// Whether it is taken for text. What it would do counts no more, unless the server answers it after all.
    pub(super) is_text: bool,
    /// Whether the client's next octets are read though it was not answered: a login of which too many came behind it.
    pub(super) is_passed: bool,
    /// Whether the server said BYE after it.
    pub(super) bye: bool,
    /// The time of the packet with its first octet.
    pub(super) first: Time,
    /// The time of the packet with the last octet of what answers it.
    pub(super) last: Time,
    /// Octets of the command.
    pub(super) client_octets: u64,
    /// Octets of what answers it, but for those of its transfers.
    pub(super) server_octets: u64,
    /// Octets of its tagged response, which are among these.
    pub(super) completion: u64,
    /// Octets that it was last seen to hold.
    cost: usize,
    /// The same, of what it has sent.
    uploads: usize,
    /// Messages that it names one by one.
    named: Vec<Named>,
}

impl Pending {
    /// Whether it is a login that the server knows as one.
    pub(super) fn is_login(&self) -> bool {
        matches!(&self.kind, Kind::Login(attempt) if attempt.spelling != Spelling::Stray)
    }

    /// Whether it is a line that is no command.
    pub(super) fn is_stray(&self) -> bool {
        matches!(&self.kind, Kind::Login(attempt) if attempt.spelling == Spelling::Stray)
    }

    pub(super) fn attempt(&mut self) -> Option<&mut Attempt> {
        match &mut self.kind {
            Kind::Login(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// The transfers of a command that is over; those of messages that were not seen among them, if they are not more than `limit`.
    pub(super) fn transfers(&mut self, ending: Ending, limit: usize) -> VecDeque<Transfer> {
        let result = ending.result();
        let mut transfers = match std::mem::replace(&mut self.kind, Kind::Plain) {
            Kind::Fetch(mut downloads) => {
                let was_empty = downloads.is_empty();
                // What answers it may have been among octets that were not captured.
                let unseen = if self.doubtful { downloads.unseen(limit) } else { 0 };
                let mut waiting = downloads.take();
                if was_empty {
                    self.server_octets -= self.completion;
                    // Where the server had nothing to send, nobody has downloaded a whole message.
                    let kind = match result {
                        TransferResult::Succeeded if !self.doubtful => TransferKind::PartialDownload,
                        _ => downloads.asked.kind(),
                    };
                    waiting.push_back(self.transfer(kind));
                }
                let one = Transfer { client_octets: 0, server_octets: 0, ..self.transfer(downloads.asked.kind()) };
                waiting.extend(std::iter::repeat_n(one, unseen.saturating_sub(usize::from(was_empty))));
                waiting
            }
            Kind::Convert(mut downloads) => downloads.take(),
            Kind::Append(uploads) => {
                let uploads = uploads.finish().into_iter();
                uploads.map(|upload| self.upload(upload)).collect()
            }
            other => {
                self.kind = other;
                VecDeque::new()
            }
        };
        if let Some(last) = transfers.back_mut() {
            last.last = last.last.max(self.last);
            last.server_octets += self.completion;
        }
        transfers.iter_mut().for_each(|transfer| transfer.result = result);
        transfers
    }

    /// Nothing is told of what it asked for, unless some of that has come.
    pub(super) fn forget_downloads(&mut self) {
        if matches!(&self.kind, Kind::Fetch(downloads) | Kind::Convert(downloads) if downloads.is_empty()) {
            self.kind = Kind::Plain;
        }
    }

    /// The oldest message of the command, where more than `limit` wait for its end. What comes of it is not known yet.
    pub(super) fn upload_over(&mut self, limit: usize, time: Time) -> Option<Transfer> {
        let Kind::Append(uploads) = &mut self.kind else { return None };
        let oldest = uploads.are_more_than(limit).then(|| uploads.take_oldest())??;
        Some(Transfer { last: time, ..self.upload(oldest) })
    }

    fn upload(&self, upload: Upload) -> Transfer {
        Transfer {
            client_octets: upload.client_octets,
            server_octets: upload.server_octets,
            sender: upload.sender,
            message_id: upload.message_id,
            ..self.transfer(TransferKind::Upload)
        }
    }

    /// A transfer that stands for the whole command.
    fn transfer(&self, kind: TransferKind) -> Transfer {
        Transfer {
            kind,
            result: TransferResult::Unknown,
            client_octets: self.client_octets,
            server_octets: self.server_octets,
            first: self.first,
            last: self.last,
            sender: None,
            message_id: None,
        }
    }
}

/// A message as a FETCH names it: whether by its UID, and its number.
type Named = (bool, u32);

/// The commands in flight, the oldest first.
#[derive(Default)]
pub(super) struct Queue {
    /// By id: these count up.
    commands: BTreeMap<u64, Pending>,
    /// By tag, and the oldest first where several have the same.
    tags: BTreeSet<(Tag, u64)>,
    /// Those that name a message by itself: by the message, the oldest first.
    named: BTreeSet<(Named, u64)>,
    next: u64,
    octets: usize,
    /// Octets that are held of messages that they sent.
    uploads: usize,
    /// Messages that wait for the end of one of them.
    pub(super) transfers: usize,
    /// Logins, and lines that may be one, among them.
    logins: usize,
}

/// Commands that are looked at for the one that asked for what comes: the oldest, and besides these the oldest that name just
/// this message. Of who has more in flight, names messages by ranges, and is answered out of order it is told with another.
const LOOKED_AT: usize = 32;

impl Queue {
    /// Adds the newest; gives its id.
    pub(super) fn push(&mut self, tag: &[u8], verb: Verb, kind: Kind, first: Time) -> u64 {
        let id = self.next;
        self.next += 1;
        self.logins += usize::from(matches!(kind, Kind::Login(_)));
        let tag = Tag(tag.to_vec());
        self.tags.insert((tag.clone(), id));
        let pending = Pending {
            id,
            tag,
            verb,
            kind,
            sent: false,
            early: None,
            doubtful: false,
            shifted: false,
            guessed: false,
            is_text: false,
            is_passed: false,
            bye: false,
            first,
            last: first,
            client_octets: 0,
            server_octets: 0,
            completion: 0,
            cost: 0,
            uploads: 0,
            named: Vec::new(),
        };
        self.commands.insert(id, pending);
        self.weigh(id);
        id
    }

    /// Sees what it takes to hold a command now.
    pub(super) fn weigh(&mut self, id: u64) {
        if let Some(pending) = self.commands.get_mut(&id) {
            let held = match &pending.kind {
                Kind::Login(attempt) => attempt.cost(),
                _ => 0,
            };
            let cost = pending.tag.0.len() + held + pending.named.len() * size_of::<(Named, u64)>() * 2;
            self.octets = self.octets - pending.cost + cost;
            pending.cost = cost;
            let uploads = if let Kind::Append(uploads) = &pending.kind { uploads.held() } else { 0 };
            self.uploads = self.uploads - pending.uploads + uploads;
            pending.uploads = uploads;
        }
    }

    /// A command was sent whole: it is found by the messages that it names one by one.
    pub(super) fn note_messages(&mut self, id: u64) {
        let Some(pending) = self.commands.get_mut(&id) else { return };
        let Kind::Fetch(downloads) = &pending.kind else { return };
        pending.named = downloads.asked.named().collect();
        self.named.extend(pending.named.iter().map(|named| (*named, id)));
    }

    /// What it takes to hold them.
    pub(super) fn held(&self) -> usize {
        // A command's arguments, and the names in a message's head, at their largest.
        let command = size_of::<Pending>() + size_of::<(Tag, u64)>() + size_of::<Downloads>() + 256;
        self.octets + self.uploads + self.commands.len() * command + self.transfers * (size_of::<Transfer>() + 1024)
    }

    /// Octets of commands that are held.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// The oldest with this tag.
    pub(super) fn tagged(&self, tag: &[u8]) -> Option<u64> {
        self.tagged_from(tag).filter(|id| self.commands.get(id).is_some_and(|pending| pending.tag.0 == tag))
    }

    /// The oldest whose tag begins so: of a line that is no command only the beginning of a tag may be known.
    pub(super) fn tagged_from(&self, beginning: &[u8]) -> Option<u64> {
        let from = (Tag(beginning.to_vec()), 0);
        self.tags.range(from..).next().filter(|(tag, _)| tag.0.starts_with(beginning)).map(|(_, id)| *id)
    }

    /// Says of all commands with this tag that their answers may be each other's, if there are several. Whether there are.
    pub(super) fn shift(&mut self, tag: &Tag) -> bool {
        let ids: Vec<u64> = self.tags.range((tag.clone(), 0)..=(tag.clone(), u64::MAX)).map(|(_, id)| *id).collect();
        for id in &ids {
            if let Some(pending) = self.commands.get_mut(id).filter(|_| ids.len() > 1) {
                pending.shifted = true;
            }
        }
        ids.len() > 1
    }

    pub(super) fn get(&mut self, id: u64) -> Option<&mut Pending> {
        self.commands.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Pending> {
        let pending = self.commands.remove(&id)?;
        self.tags.remove(&(pending.tag.clone(), id));
        for named in &pending.named {
            self.named.remove(&(*named, id));
        }
        self.octets -= pending.cost;
        self.uploads -= pending.uploads;
        if let Kind::Fetch(downloads) | Kind::Convert(downloads) = &pending.kind {
            self.transfers = self.transfers.saturating_sub(downloads.len());
        }
        self.logins -= usize::from(matches!(pending.kind, Kind::Login(_)));
        Some(pending)
    }

    /// The oldest.
    pub(super) fn front(&mut self) -> Option<&mut Pending> {
        self.commands.values_mut().next()
    }

    /// The newest.
    pub(super) fn back(&mut self) -> Option<&mut Pending> {
        self.commands.values_mut().next_back()
    }

    /// The oldest, where that is a line that is no command.
    pub(super) fn stray_in_front(&self) -> Option<u64> {
        self.commands.values().next().filter(|pending| pending.is_stray()).map(|pending| pending.id)
    }

    /// Whether it only reads like a command, and the server has not gone ahead with it.
    pub(super) fn is_in_doubt(&self, id: u64) -> bool {
        let goes_on = |pending: &Pending| matches!(&pending.kind, Kind::Login(attempt) if attempt.is_going_on);
        self.commands.get(&id).is_some_and(|pending| pending.guessed && !goes_on(pending))
    }

    /// The id of the next command.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn len(&self) -> usize {
        self.commands.len()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pending> {
        self.commands.values_mut()
    }

    /// Whether a login goes on.
    pub(super) fn has_login(&self) -> bool {
        self.logins > 0
    }

    /// The command that a response with a message's data answers best: the oldest of those that asked for this message and for
    /// what was sent of it.
    pub(super) fn answered_by(&mut self, fetched: &Fetched, is_fetch: bool) -> Option<&mut Pending> {
        let content = fetched.kind();
        let suits = |pending: &Pending| match &pending.kind {
            Kind::Fetch(downloads) if is_fetch => downloads.asked.suits(fetched, content),
            Kind::Convert(_) if !is_fetch => Some(SUITS),
            _ => None,
        };
        let mut best: Option<(u8, u64)> = None;
        for (&id, pending) in self.commands.iter().take(LOOKED_AT) {
            let Some(suits) = suits(pending) else { continue };
            if best.is_none_or(|(found, _)| suits > found) {
                best = Some((suits, id));
            }
            if suits == SUITS {
                return self.commands.get_mut(&id);
            }
        }
        if is_fetch && self.commands.len() > LOOKED_AT {
            let names = [(false, Some(fetched.number)), (true, fetched.uid())];
            for named in names.into_iter().filter_map(|(by_uid, number)| Some((by_uid, number?))) {
                let ids = self.named.range((named, 0)..=(named, u64::MAX)).take(LOOKED_AT).map(|(_, id)| *id);
                for (id, pending) in ids.filter_map(|id| Some((id, self.commands.get(&id)?))) {
                    let Some(suits) = suits(pending) else { continue };
                    // Of those that suit as well the oldest.
                    if best.is_none_or(|(found, than)| suits > found || (suits == found && id < than)) {
                        best = Some((suits, id));
                    }
                }
            }
        }
        best.and_then(|(_, id)| self.commands.get_mut(&id))
    }
}
