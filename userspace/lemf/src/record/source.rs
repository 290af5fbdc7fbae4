//! Who sends: each network element numbers by itself, so that an LIID and a CIN of one are not those of another.

use std::collections::HashMap;
use std::fmt::Write as _;

use writ_etsi::PsHeader;

use super::names::{Communication, bounded, escape_into};

/// Octets of an identifier that are kept as they are. The standard allows 16; a peer may send any number.
const MAX: usize = 32;

/// What sends under a header: the network element and the interception point, of an operator. Empty where the header names neither,
/// for then there is one. It has no `Debug`, as what it is part of has none.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Source(Option<Box<[Vec<u8>; 3]>>);

impl Source {
    pub(super) fn of(header: &PsHeader) -> Self {
        let network = &header.communication_identifier.network_identifier;
        let element = network.network_element_identifier.as_deref();
        let point = header.interception_point_id.as_deref().map(Vec::as_slice);
        if element.is_none() && point.is_none() {
            return Self::default();
        }
        let parts = [Some(&network.operator_identifier[..]), element, point];
        Self(Some(Box::new(parts.map(|part| bounded(part.unwrap_or_default(), MAX)))))
    }

    /// `@OPERATOR@ELEMENT@POINT`, as a part of a file name: no two of them alike. Nothing where it is unnamed.
    pub(super) fn append_to(&self, stem: &mut String) {
        for part in self.0.iter().flat_map(|parts| parts.iter()) {
            // Writing to a String does not fail. In a part it is escaped.
            let _ = stem.write_char('@');
            escape_into(stem, part);
        }
        stem.truncate(stem.trim_end_matches('@').len());
    }

    /// Its words for the LEMF's own eyes, as in a file name.
    pub(crate) fn words(&self) -> String {
        let mut words = String::new();
        self.append_to(&mut words);
        words
    }
}

/// Sources whose resets are counted apart.
const MAX_SOURCES: usize = 1024;

/// `cINReset`s: how often each source began to count anew.
#[derive(Default)]
pub(crate) struct Resets {
    of: HashMap<Source, u64>,
    /// Of sources beyond the limit: they count for all, which lets a sequence begin again and takes nothing from it.
    others: u64,
}

impl Resets {
    /// Counts one, under its header.
    pub(crate) fn reset(&mut self, header: &PsHeader) {
        let source = Source::of(header);
        if self.of.len() >= MAX_SOURCES && !self.of.contains_key(&source) {
            self.others += 1;
        } else {
            *self.of.entry(source).or_default() += 1;
        }
    }

    /// How many there were of a source.
    pub(crate) fn of(&self, communication: &Communication) -> u64 {
        self.others + self.of.get(&communication.source).copied().unwrap_or_default()
    }
}
