//! What a FETCH asks for (RFC 3501 §6.4.5), and how well a response answers it.

use std::ops::RangeInclusive;

use super::fetch::Fetched;
use super::scan::{Scanner, Token};
use crate::access::TransferKind;

/// What an item of FETCH is, in a command or in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// The whole message: BODY[], BINARY[], RFC822.
    Whole,
    /// From this octet on (BODY[]<0>), or in a command a range of it.
    Range(u64),
    /// Its header, or some fields of it, from its first octet on or not; `whole` is all of it, and `is_cut` a range.
    Header { from_start: bool, whole: bool, is_cut: bool },
    /// Its text, all of it.
    Text,
    /// Anything else of it.
    Part,
    /// BODYSTRUCTURE, BODY.
    Structure,
    /// ENVELOPE.
    Envelope,
    /// RFC822.SIZE.
    Size,
    /// UID.
    Uid,
    /// What is no content: FLAGS, INTERNALDATE, MODSEQ and the like.
    Other,
}

impl Item {
    pub(super) fn named(name: &[u8]) -> Self {
        let name = name.to_ascii_uppercase();
        let section = ["BODY[", "BODY.PEEK[", "BINARY[", "BINARY.PEEK[", "BODYPART[", "BODYPARTSTRUCTURE["];
        if let Some(rest) = section.iter().find_map(|begin| name.strip_prefix(begin.as_bytes())) {
            if name.starts_with(b"BODYPART") {
                return Self::Part;
            }
            let end = rest.iter().rposition(|&octet| octet == b']').unwrap_or(rest.len());
            let (section, range) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            let range = range.strip_prefix(b"]<").map(|range| number(range).unwrap_or(u64::MAX));
            return match section {
                b"" => range.map_or(Self::Whole, Self::Range),
                b"TEXT" if range.is_none() => Self::Text,
                section if section == b"HEADER" || section.starts_with(b"HEADER.FIELDS") => Self::Header {
                    from_start: range.is_none_or(|from| from == 0),
                    whole: section == b"HEADER" && range.is_none(),
                    is_cut: range.is_some(),
                },
                _ => Self::Part,
            };
        }
        match name.as_slice() {
            b"RFC822" | b"RFC822.PEEK" => Self::Whole,
            b"RFC822.HEADER" => Self::Header { from_start: true, whole: true, is_cut: false },
            b"RFC822.TEXT" | b"RFC822.TEXT.PEEK" => Self::Text,
            b"RFC822.SIZE" => Self::Size,
            b"UID" => Self::Uid,
            b"ENVELOPE" => Self::Envelope,
            b"BODYSTRUCTURE" | b"BODY" => Self::Structure,
            b"PREVIEW" | b"SNIPPET" => Self::Part,
            _ => Self::Other,
        }
    }
}

/// Items that hold something of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Items(u8);

impl Items {
    pub(super) fn add(&mut self, item: Item) {
        self.0 |= match item {
            Item::Whole => 1,
            Item::Range(_) => 2,
            Item::Header { .. } => 4,
            Item::Text => 8,
            Item::Part => 16,
            Item::Structure => 32,
            Item::Envelope => 64,
            Item::Size | Item::Uid | Item::Other => 0,
        };
    }

    /// Whether all of these are among `others`.
    fn are_among(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }
}

/// The digits at the beginning.
pub(super) fn number(octets: &[u8]) -> Option<u64> {
    let digits = octets.iter().take_while(|octet| octet.is_ascii_digit()).count();
    std::str::from_utf8(octets.get(..digits)?).ok()?.parse().ok()
}

/// A response has the message and the content that were asked for.
pub(super) const SUITS: u8 = 7;
/// Ranges of message numbers that a command keeps; one with more is taken to name any message.
const MAX_RANGES: usize = 16;

/// What a FETCH asks for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The messages, by number or by UID; `None` where that is not known.
    numbers: Option<Vec<RangeInclusive<u32>>>,
    by_uid: bool,
    /// Whether the messages were read.
    has_set: bool,
    /// Whether all of the command was.
    is_whole: bool,
    whole: bool,
    part: bool,
    items: Items,
}

impl Asked {
    /// Reads a token of the command's arguments.
    pub(super) fn token(&mut self, token: Token, scanner: &Scanner, by_uid: bool) {
        self.is_whole |= token == Token::End;
        if token != Token::Word {
            return;
        }
        if !self.has_set {
            self.has_set = true;
            self.by_uid = by_uid;
            self.numbers = if scanner.is_cut() { None } else { ranges(scanner.text()) };
            return;
        }
        let item = Item::named(scanner.text());
        self.items.add(item);
        match item {
            Item::Whole => self.whole = true,
            Item::Other | Item::Size | Item::Uid => {
                let macros: [&[u8]; 2] = [b"ALL", b"FULL"];
                if macros.iter().any(|name| scanner.text().eq_ignore_ascii_case(name)) {
                    self.part = true;
                    self.items.add(Item::Envelope);
                    self.items.add(Item::Structure);
                }
            }
            _ => self.part = true,
        }
    }

    /// The messages that stand by themselves among those that were asked for.
    pub(super) fn named(&self) -> impl Iterator<Item = (bool, u32)> {
        let alone = |range: &&RangeInclusive<u32>| range.start() == range.end();
        self.numbers.iter().flatten().filter(alone).map(|range| (self.by_uid, *range.start()))
    }

    /// What the command is, where nothing tells of its messages.
    pub(super) fn kind(&self) -> TransferKind {
        if self.whole { TransferKind::Download } else { TransferKind::PartialDownload }
    }

    /// Whether messages are named by their UIDs.
    pub(super) fn by_uid(&self) -> bool {
        self.by_uid
    }

    /// Each message that was asked for, as far as its number is known; none where nothing of a message was asked for. Of UIDs those
    /// that stand alone: in a range there may be none.
    pub(super) fn messages(&self) -> impl Iterator<Item = u32> {
        let ranges = self.numbers.as_deref().filter(|_| self.whole || self.part).unwrap_or_default();
        let is_known =
            |range: &&RangeInclusive<u32>| *range.end() != u32::MAX && (!self.by_uid || range.start() == range.end());
        ranges.iter().filter(is_known).flat_map(Clone::clone)
    }

    /// How well what came answers it: up to [`SUITS`]. `None` where it is content that nobody asked for with it, of another message or
    /// with a command that asks for none: servers send that of themselves (RFC 5465 §5.2).
    pub(super) fn suits(&self, fetched: &Fetched, content: Option<TransferKind>) -> Option<u8> {
        let number = if self.by_uid { fetched.uid() } else { Some(fetched.number) };
        let named = match (&self.numbers, number) {
            (Some(ranges), Some(number)) => ranges.iter().any(|range| range.contains(&number)),
            // What answers a UID FETCH says which UID it is of (RFC 3501 §6.4.8).
            (_, number) => number.is_some(),
        };
        let asked = match content {
            None => true,
            Some(TransferKind::Download) => self.whole,
            Some(_) => self.part || self.whole,
        };
        let is_others = matches!((&self.numbers, number), (Some(_), Some(_)) if !named);
        // Items that are not known are no names of content, and may bring some.
        let asks = self.whole || self.part;
        let is_unasked = self.is_whole && !asks && fetched.items() != Items::default();
        if content.is_some() && (is_others || is_unasked || !(named || asks)) {
            return None;
        }
        // What the items are says more than whether they are the whole message: a command that asks for messages is not answered by
        // a header that another asks for.
        let exactly = fetched.items().are_among(self.items);
        Some(u8::from(named) * 4 + u8::from(asked && exactly) * 2 + u8::from(asked))
    }
}

fn ranges(set: &[u8]) -> Option<Vec<RangeInclusive<u32>>> {
    let mut ranges = Vec::new();
    for part in std::str::from_utf8(set).ok()?.split(',') {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        let bound = |text: &str| if text == "*" { Some(u32::MAX) } else { text.parse().ok() };
        let (from, to): (u32, u32) = (bound(from)?, bound(to)?);
        // The last message has a number, which nobody said.
        let ends_open = from.max(to) == u32::MAX;
        ranges.push(if ends_open && from == to { 1..=u32::MAX } else { from.min(to)..=from.max(to) });
        if ranges.len() > MAX_RANGES {
            return None;
        }
    }
    Some(ranges)
}
