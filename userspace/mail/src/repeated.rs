//! What a server repeats of what a client sent: a secret that is overwritten in one must not stand in the other.

use std::collections::HashSet;

/// Octets of a secret that stand together in a text by no chance; the whole of one that is shorter counts.
const SHORTEST: usize = 4;

/// Parts of what a client sent, to be looked for in what the server says.
#[derive(Default)]
pub(crate) struct Parts {
    /// Every `SHORTEST` octets of it that stand together, in lower case: a server may cut what it repeats, change its case,
    /// or escape an octet of it.
    runs: HashSet<[u8; SHORTEST]>,
    /// Those that are shorter, whole.
    short: Vec<Vec<u8>>,
}

// Runs of a password are one.
impl Drop for Parts {
    fn drop(&mut self) {
        self.runs.clear();
        self.short.iter_mut().for_each(|part| part.fill(0));
    }
}

impl Parts {
    /// Adds a part, of any length.
    pub(crate) fn add(&mut self, part: &[u8]) {
        if part.len() >= SHORTEST {
            self.add_long(part);
        } else if !part.is_empty() {
            self.short.push(part.to_ascii_lowercase());
        }
    }

    /// Adds a part, unless it is so short that it can stand in a text by chance.
    pub(crate) fn add_long(&mut self, part: &[u8]) {
        self.runs.extend(runs(part));
    }

    /// Whether the octets hold any of it.
    pub(crate) fn stand_in(&self, octets: &[u8]) -> bool {
        let has_short = || {
            let lower = octets.to_ascii_lowercase();
            self.short.iter().any(|part| memchr::memmem::find(&lower, part).is_some())
        };
        (!self.runs.is_empty() && runs(octets).any(|run| self.runs.contains(&run)))
            || (!self.short.is_empty() && has_short())
    }
}

fn runs(octets: &[u8]) -> impl Iterator<Item = [u8; SHORTEST]> {
    octets
        .windows(SHORTEST)
        .filter_map(|run| Some(<[u8; SHORTEST]>::try_from(run).ok()?.map(|octet| octet.to_ascii_lowercase())))
}

/// Where the text of a server's line begins: behind the code of SMTP (RFC 5321 §4.2), the status of POP3 (RFC 1939 §3), the
/// tag and the status of IMAP4 (RFC 3501 §7.1). At its first octet where it has none.
pub(crate) fn text_start(line: &[u8]) -> usize {
    if line.get(..3).is_some_and(|code| code.iter().all(u8::is_ascii_digit)) {
        return 4.min(line.len());
    }
    let end_of = |from: usize| {
        let rest = line.get(from..).unwrap_or_default();
        from + rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len())
    };
    let first = end_of(0);
    let word = line.get(..first).unwrap_or_default();
    if [&b"+OK"[..], b"-ERR", b"+"].iter().any(|status| word.eq_ignore_ascii_case(status)) {
        return first;
    }
    let second = end_of(first + 1);
    let word = line.get(first + 1..second).unwrap_or_default();
    let is_status = [&b"OK"[..], b"NO", b"BAD", b"BYE"].iter().any(|status| word.eq_ignore_ascii_case(status));
    if is_status { second } else { 0 }
}

/// Overwrites the texts of a reply's lines; what `text_start` passes over stays, and so do white space around a text and line ends.
pub(crate) fn overwrite_texts(octets: &mut [u8]) {
    for line in octets.split_inclusive_mut(|octet| *octet == b'\n') {
        let start = text_start(line);
        if let Some(rest) = line.get_mut(start..) {
            let text = rest.len() - rest.trim_ascii_start().len()..rest.trim_ascii_end().len();
            if let Some(text) = rest.get_mut(text) {
                text.fill(b'*');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_cut_short_and_in_another_case() {
        let mut parts = Parts::default();
        parts.add(b"s3cret word");
        parts.add(b"xy");
        for text in [&b"-ERR what is S3CRET WORD"[..], b"s3cr...", b"\"cret\\ word\"", b"-ERR XY"] {
            assert!(parts.stand_in(text), "{}", String::from_utf8_lossy(text));
        }
        assert!(!parts.stand_in(b"-ERR [AUTH] no"));
        let mut long = Parts::default();
        long.add_long(b"ERR");
        assert!(!long.stand_in(b"-ERR") && !Parts::default().stand_in(b"-ERR"));
    }

    #[test]
    fn what_is_no_text_stays() {
        for (reply, expected) in [
            (&b"535-5.7.8 a b\r\n535 c\r\n"[..], &b"535-*********\r\n535 *\r\n"[..]),
            (b"-ERR a b\r\n", b"-ERR ***\r\n"),
            (b"-ERR\r\n", b"-ERR\r\n"),
            (b"+ok a\n", b"+ok *\n"),
            (b"+ abc\r\n", b"+ ***\r\n"),
            (b"a1 NO [X] y\r\n", b"a1 NO *****\r\n"),
            (b"* bad y\r\n", b"* bad *\r\n"),
            (b"* 1 EXISTS\r\n", b"**********\r\n"),
            (b"secret\r\n", b"******\r\n"),
            (b"", b""),
        ] {
            let mut octets = reply.to_vec();
            overwrite_texts(&mut octets);
            assert_eq!(String::from_utf8_lossy(&octets), String::from_utf8_lossy(expected));
        }
    }
}
