//! File names from what came off the wire.

use std::fmt::Write;

use writ_etsi::PsHeader;

/// Octets of an LIID that go into a name. The standard allows 25; a peer may send any number.
const MAX_LIID: usize = 64;

/// One communication of one warrant: what PDUs are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Communication {
    /// The LIID's octets, as they came.
    pub(crate) liid: Vec<u8>,
    /// The CIN, absent from PDUs that are about no communication.
    pub(crate) cin: Option<u32>,
}

impl Communication {
    pub(crate) fn of(header: &PsHeader) -> Self {
        Self {
            liid: header.lawful_interception_identifier.to_vec(),
            cin: header.communication_identifier.communication_identity_number,
        }
    }

    /// `LIID-CIN` as a file name of its own: no separator, no leading dot, no two of them alike.
    pub(crate) fn file_stem(&self) -> String {
        let mut stem = String::with_capacity(self.liid.len() + 12);
        let whole = self.liid.len() <= MAX_LIID;
        let kept = if whole { &self.liid[..] } else { self.liid.get(..MAX_LIID / 2).unwrap_or_default() };
        for (index, &octet) in kept.iter().enumerate() {
            let plain = octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_' || (octet == b'.' && index > 0);
            if plain {
                stem.push(char::from(octet));
            } else {
                // Writing to a String does not fail, here and below. The percent sign is itself not plain.
                let _ = write!(stem, "%{octet:02x}");
            }
        }
        if !whole {
            let _ = write!(stem, "%+{:016x}", fnv1a(&self.liid));
        }
        match self.cin {
            Some(cin) => write!(stem, "-{cin}"),
            None => write!(stem, "-none"),
        }
        .ok();
        stem
    }
}

/// A hash that stays the same from one release to the next, so that names do. It need not resist anyone: who could
/// make two LIIDs collide could as well send the same one twice.
fn fnv1a(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stem(liid: &[u8], cin: Option<u32>) -> String {
        Communication { liid: liid.to_vec(), cin }.file_stem()
    }

    #[test]
    fn identifiers_of_the_standard_stay_as_they_are() {
        assert_eq!(stem(b"MAIL-0001", Some(7)), "MAIL-0001-7");
        assert_eq!(stem(b"a_b.c", None), "a_b.c-none");
    }

    #[test]
    fn nothing_leaves_the_directory() {
        assert_eq!(stem(b"../../etc/passwd", Some(0)), "%2e.%2f..%2fetc%2fpasswd-0");
        assert_eq!(stem(b"..", Some(0)), "%2e.-0");
        assert_eq!(stem(b"/", Some(0)), "%2f-0");
        assert_eq!(stem(b"a\0b\n\xff", Some(0)), "a%00b%0a%ff-0");
        assert_eq!(stem(b"", Some(0)), "-0");
        for liid in [&b"x/y"[..], &[b'/'; 10_000], b".hidden", b"\\", b"con:"] {
            let stem = stem(liid, Some(1));
            assert!(!stem.contains(['/', '\\', '\0', ':']) && !stem.starts_with('.') && stem.len() < 200, "{stem}");
        }
    }

    #[test]
    fn different_identifiers_have_different_names() {
        assert_ne!(stem(b"a%2f", Some(1)), stem(b"a/", Some(1)));
        let long = |last: u8| [&[b'a'; 100][..], &[last]].concat();
        assert_ne!(stem(&long(b'x'), Some(1)), stem(&long(b'y'), Some(1)));
        assert_ne!(stem(b"a-1", Some(1)), stem(b"a", Some(1)));
    }
}
