//! File names from what came off the wire.

use std::fmt::Write;

use writ_etsi::PsHeader;

use super::source::Source;

/// Octets of an LIID that are kept as they are. The standard allows 25; a peer may send any number.
const MAX_LIID: usize = 64;

/// One communication of one warrant: what PDUs are sorted by. It has no `Debug`, which would show the LIID.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Communication {
    /// Who sends.
    pub(crate) source: Source,
    /// The LIID's octets, as they came; where there are too many, the first of them and a hash of all.
    pub(crate) liid: Vec<u8>,
    /// The CIN, absent from PDUs that are about no communication.
    pub(crate) cin: Option<u32>,
}

impl Communication {
    pub(crate) fn of(header: &PsHeader) -> Self {
        let cin = header.communication_identifier.communication_identity_number;
        Self { source: Source::of(header), ..Self::new(&header.lawful_interception_identifier, cin) }
    }

    /// Of an unnamed source. These are kept by the ten thousand, so an LIID that is far too long is not kept whole.
    pub(super) fn new(liid: &[u8], cin: Option<u32>) -> Self {
        Self { source: Source::default(), liid: bounded(liid, MAX_LIID), cin }
    }

    /// `LIID-CIN`, and the source where it has a name, as a file name of its own: no separator, no leading dot, no two of them
    /// alike.
    pub(crate) fn file_stem(&self) -> String {
        let mut stem = String::with_capacity(self.liid.len() + 12);
        escape_into(&mut stem, &self.liid);
        match self.cin {
            Some(cin) => write!(stem, "-{cin}"),
            None => write!(stem, "-none"),
        }
        .ok();
        self.source.append_to(&mut stem);
        stem
    }
}

/// An identifier as it came; where it has more octets than these, the first of them and a hash of all.
pub(super) fn bounded(identifier: &[u8], max: usize) -> Vec<u8> {
    match identifier.split_at_checked(max / 2) {
        Some((first, _)) if identifier.len() > max => {
            [first, format!("+{:016x}", fnv1a(identifier)).as_bytes()].concat()
        }
        _ => identifier.to_vec(),
    }
}

/// Appends an identifier as a part of a file name.
pub(super) fn escape_into(stem: &mut String, identifier: &[u8]) {
    for &octet in identifier {
        let plain =
            octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_' || (octet == b'.' && !stem.is_empty());
        if plain {
            stem.push(char::from(octet));
        } else {
            // Writing to a String does not fail, here and above. The percent sign is itself not plain.
            let _ = write!(stem, "%{octet:02x}");
        }
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
        Communication::new(liid, cin).file_stem()
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
        assert!(Communication::new(&long(b'x'), None).liid.len() <= MAX_LIID);
    }
}
