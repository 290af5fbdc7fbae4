//! What a line says by itself: commands, replies, and which of the two octets look like.

use super::Side;

/// What a command changes for the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Data,
    Bdat {
        octets: u64,
        last: bool,
    },
    /// What the server fetches is a part of the message (RFC 4468).
    Burl {
        last: bool,
    },
    /// So many octets follow that the server fetched: told by the sender of the CC, and no command.
    Fetched {
        octets: u64,
    },
    /// Begins a transaction or takes one back: `MAIL`, `RSET`, `HELO`, `EHLO`.
    Start,
    Other,
}

impl Command {
    pub(super) fn of(line: &[u8]) -> Self {
        let mut words = line.split(|octet| *octet == b' ').filter(|word| !word.is_empty());
        let verb = words.next().unwrap_or_default();
        let is = |name: &str| verb.eq_ignore_ascii_case(name.as_bytes());
        if is("DATA") {
            Self::Data
        } else if is("BDAT") {
            let octets = words.next().and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
            let last = words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"LAST"));
            octets.map_or(Self::Other, |octets| Self::Bdat { octets, last })
        } else if is("BURL") {
            Self::Burl { last: words.nth(1).is_some_and(|word| word.eq_ignore_ascii_case(b"LAST")) }
        } else if line.starts_with(b"* URLFETCH ") {
            fetched(line).map_or(Self::Other, |octets| Self::Fetched { octets })
        } else if is("MAIL") || is("RSET") || is("HELO") || is("EHLO") {
            Self::Start
        } else {
            Self::Other
        }
    }
}

/// The number of octets in `* URLFETCH "URL" {octets}`.
fn fetched(line: &[u8]) -> Option<u64> {
    let announced = line.rsplit(|octet| *octet == b' ').next()?.strip_prefix(b"{")?.strip_suffix(b"}")?;
    std::str::from_utf8(announced).ok()?.parse().ok()
}

/// The code of a reply's last line, or only line (RFC 5321 §4.2.1).
pub(super) fn final_code(line: &[u8]) -> Option<u16> {
    let (code, rest) = line.split_at_checked(3)?;
    if !code.iter().all(u8::is_ascii_digit) || rest.first() == Some(&b'-') {
        return None;
    }
    std::str::from_utf8(code).ok()?.parse().ok()
}

/// Whether octets look like a reply: three digits and a space, a hyphen or the end of the line.
fn starts_with_reply(octets: &[u8]) -> bool {
    match octets {
        [a, b, c, rest @ ..] => {
            matches!(a, b'2'..=b'5')
                && b.is_ascii_digit()
                && c.is_ascii_digit()
                && matches!(rest.first(), None | Some(b' ' | b'-' | b'\r' | b'\n'))
        }
        _ => false,
    }
}

/// What octets at the start of a line look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// A command that can stand at the start of a transaction, in it or after it.
    Command,
    /// The start of the name of one.
    Undecided,
    Other,
}

impl Looks {
    pub(super) fn of(octets: &[u8]) -> Self {
        const VERBS: [&[u8]; 14] = [
            b"MAIL",
            b"RCPT",
            b"DATA",
            b"BDAT",
            b"BURL",
            b"RSET",
            b"QUIT",
            b"NOOP",
            b"AUTH",
            b"EHLO",
            b"HELO",
            b"VRFY",
            b"EXPN",
            b"STARTTLS",
        ];
        let mut looks = Self::Other;
        for verb in VERBS {
            match octets.split_at_checked(verb.len()) {
                None if verb.get(..octets.len()).is_some_and(|start| start.eq_ignore_ascii_case(octets)) => {
                    looks = Self::Undecided;
                }
                Some((name, rest)) if name.eq_ignore_ascii_case(verb) => match rest.first() {
                    None => looks = Self::Undecided,
                    Some(b' ' | b'\r' | b'\n') => return Self::Command,
                    Some(_) => {}
                },
                _ => {}
            }
        }
        looks
    }
}

/// Which end sent these octets, by what they look like; `None` where they look like neither. To be asked between lines
/// only.
#[must_use]
pub fn side_of(octets: &[u8]) -> Option<Side> {
    if Looks::of(octets) == Looks::Command {
        Some(Side::Client)
    } else if starts_with_reply(octets) {
        Some(Side::Server)
    } else {
        None
    }
}
