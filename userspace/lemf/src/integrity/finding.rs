//! What is wrong, in words: whose PDUs, and which.

use std::fmt;

use crate::record::{Communication, Interface};
use crate::show;

/// The most ranges of numbers that one line names.
const MOST_RANGES: usize = 20;

/// Something that a check shows, or that no check covers. It has no `Debug`, which would show the LIID; `Display` is for
/// the LEMF's own eyes.
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    communication: Communication,
    interface: Interface,
    /// What it is.
    pub problem: Problem,
}

impl Finding {
    pub(super) fn new((communication, interface): &(Communication, Interface), problem: Problem) -> Self {
        Self { communication: communication.clone(), interface: *interface, problem }
    }
}

/// What is wrong. `check` is the sequence number of the integrity check that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// PDUs that were hashed and did not arrive.
    Missing {
        /// The hash.
        check: u32,
        /// The PDUs.
        numbers: Vec<u32>,
    },
    /// At least one of these PDUs is not what was hashed, or the hash is not.
    Altered {
        /// The hash.
        check: u32,
        /// The PDUs.
        numbers: Vec<u32>,
    },
    /// Two PDUs of one number that are not the same.
    Twice {
        /// The number.
        number: u32,
    },
    /// Hashes that were signed and did not arrive.
    MissingHash {
        /// The signature.
        check: u32,
        /// The hashes.
        numbers: Vec<u32>,
    },
    /// A signature that is not that of the key over these hashes.
    Forged {
        /// The signature.
        check: u32,
        /// The hashes.
        numbers: Vec<u32>,
    },
    /// PDUs that cannot be verified any more, since too much came before the check.
    NotHeld {
        /// The hash.
        check: u32,
        /// The PDUs.
        numbers: Vec<u32>,
    },
    /// A check of a type or an algorithm that is not known here.
    Unknown {
        /// The check.
        check: u32,
    },
    /// PDUs of IRI or CC that no hash covers, where others are covered.
    Uncovered {
        /// The PDUs.
        numbers: Vec<u32>,
    },
    /// Hashes that no signature covers, where others are signed.
    Unsigned {
        /// The hashes.
        numbers: Vec<u32>,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Communication { source, liid, cin } = &self.communication;
        let (source, cin) = (source.words(), cin.map_or_else(|| "-".to_owned(), |cin| cin.to_string()));
        let on = match self.interface {
            Interface::Hi2 => "IRI",
            Interface::Hi3 => "CC",
        };
        write!(f, "{}{source} cin {cin} {on}: ", show::escape_octets(liid))?;
        match &self.problem {
            Problem::Missing { check, numbers } => {
                write!(f, "PDU {} missing: hashed by the check {check}, and not there", Ranges(numbers))
            }
            Problem::Altered { check, numbers } if numbers.len() == 1 => {
                write!(f, "PDU {} altered: not what the check {check} hashed", Ranges(numbers))
            }
            Problem::Altered { check, numbers } => {
                let numbers = Ranges(numbers);
                write!(f, "PDU altered: of {numbers} at least one is not what the check {check} hashed")
            }
            Problem::Twice { number } => write!(f, "PDU {number} came twice, not the same"),
            Problem::MissingHash { check, numbers } => {
                write!(f, "check {} missing: signed by the check {check}, and not there", Ranges(numbers))
            }
            Problem::Forged { check, numbers } => {
                write!(f, "signature {check} is not that of this key over the checks {}", Ranges(numbers))
            }
            Problem::NotHeld { check, numbers } => {
                write!(f, "PDU {} missing or no longer held when the check {check} came", Ranges(numbers))
            }
            Problem::Unknown { check } => write!(f, "check {check} is of a type or an algorithm that is not known"),
            Problem::Uncovered { numbers } => write!(f, "PDU {} covered by no check", Ranges(numbers)),
            Problem::Unsigned { numbers } => write!(f, "check {} covered by no signature", Ranges(numbers)),
        }
    }
}

/// Numbers in the fewest words: `0-6, 9`.
struct Ranges<'a>(&'a [u32]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for &number in self.0 {
            match ranges.last_mut() {
                Some((_, end)) if end.checked_add(1) == Some(number) => *end = number,
                _ => ranges.push((number, number)),
            }
        }
        for (at, (begin, end)) in ranges.iter().take(MOST_RANGES).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            if begin == end { write!(f, "{comma}{begin}")? } else { write!(f, "{comma}{begin}-{end}")? }
        }
        match ranges.len().saturating_sub(MOST_RANGES) {
            0 => Ok(()),
            more => write!(f, " and {more} ranges more"),
        }
    }
}

/// What was verified, and what was wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// PDUs that are what was hashed.
    pub pdus: u64,
    /// Hashes.
    pub hashes: u64,
    /// Signatures.
    pub signatures: u64,
    /// Of these, those that were not verified for want of a key.
    pub signatures_unverified: u64,
    /// PDUs and hashes that are missing.
    pub missing: u64,
    /// Hashes over PDUs that are not the same any more, and PDUs that came twice and differ.
    pub altered: u64,
    /// Signatures that are not those of the key.
    pub forged: u64,
    /// Checks that could not be verified.
    pub unverifiable: u64,
    /// PDUs of IRI or CC that no hash covers.
    pub uncovered: u64,
    /// Hashes that no signature covers, where others are signed.
    pub unsigned: u64,
    /// PDUs that were forgotten before a check covered them.
    pub forgotten: u64,
    /// Encrypted PDUs that were not opened, and so cannot be told to be IRI or CC.
    pub closed: u64,
    /// Hashes that were not verified because of them.
    pub hashes_closed: u64,
}

impl Verified {
    /// Whether there was any check.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.hashes + self.signatures > 0
    }

    /// Whether nothing is missing, altered, forged or uncovered.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missing + self.altered + self.forged + self.unverifiable + self.uncovered + self.unsigned == 0
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "integrity: {} PDUs verified by {} hashes, {} signatures ({} not verified: no key), {} missing, {} altered, {} \
             forged, {} not verifiable, {} PDUs covered by none, {} hashes not signed",
            self.pdus,
            self.hashes,
            self.signatures,
            self.signatures_unverified,
            self.missing,
            self.altered,
            self.forged,
            self.unverifiable,
            self.uncovered,
            self.unsigned
        )
    }
}
