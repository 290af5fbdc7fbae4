//! POP3 commands, as far as they change how a session is read.

use std::ops::Range;

/// What a command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// USER (RFC 1939 §7).
    User,
    /// PASS (RFC 1939 §7).
    Pass,
    /// APOP (RFC 1939 §7).
    Apop,
    /// AUTH with a mechanism (RFC 5034 §4).
    Auth,
    /// STLS (RFC 2595 §4).
    Stls,
    /// QUIT (RFC 1939 §5).
    Quit,
    /// RETR (RFC 1939 §5).
    Retr,
    /// TOP (RFC 1939 §7).
    Top,
    /// Answered by a list: CAPA (RFC 2449 §5), and LIST, UIDL, LANG (RFC 6856 §3.2) and AUTH without an argument.
    Listing,
    /// Answered by one line.
    Single,
    /// XCLIENT, by which a proxy of Dovecot says whom it speaks for; answered by one line.
    Xclient,
    /// Answered by one line or by several: no standard says.
    Open,
    /// A line of nothing: see [`super::blank`].
    Blank,
    /// The line of a proxy: see [`super::preamble`]. No command line is read as this.
    Header,
    /// A verb that is not known, or a line that is no command.
    Unknown,
}

impl Verb {
    /// Reads a command line. As lenient as servers are: any case, white space before the verb.
    pub(super) fn read(text: &[u8]) -> Self {
        let text = text.trim_ascii_start();
        let end = text.iter().position(|octet| !octet.is_ascii_alphanumeric()).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let (mut upper, length) = ([0; 8], word.len());
        let Some(upper) = upper.get_mut(..length) else {
            return if is_pass(word) { Self::Pass } else { Self::Unknown };
        };
        upper.copy_from_slice(word);
        upper.make_ascii_uppercase();
        let has_argument = rest.iter().any(|octet| !octet.is_ascii_whitespace());
        match &*upper {
            word if is_pass(word) => Self::Pass,
            // `AUTH=PLAIN` was once written so.
            b"AUTH" if has_argument => Self::Auth,
            _ if rest.first().is_some_and(|octet| !octet.is_ascii_whitespace()) => Self::Unknown,
            b"USER" => Self::User,
            b"APOP" => Self::Apop,
            b"STLS" => Self::Stls,
            b"QUIT" => Self::Quit,
            b"RETR" => Self::Retr,
            b"TOP" => Self::Top,
            b"LIST" | b"UIDL" | b"LANG" if has_argument => Self::Single,
            b"CAPA" | b"AUTH" | b"LIST" | b"UIDL" | b"LANG" => Self::Listing,
            b"STAT" | b"DELE" | b"RSET" | b"NOOP" | b"LAST" | b"UTF8" | b"XOIP" => Self::Single,
            b"XCLIENT" => Self::Xclient,
            b"XTND" | b"HELP" | b"XSENDER" => Self::Open,
            _ => Self::Unknown,
        }
    }

    /// Whether the answer decides whose, or what, the client's next octets are.
    pub(super) fn decides(self) -> bool {
        matches!(self, Self::Pass | Self::Apop | Self::Auth | Self::Stls | Self::Quit)
    }

    /// Whether `+OK` is followed by lines up to one with a single dot.
    pub(super) fn is_multi_line(self) -> bool {
        matches!(self, Self::Retr | Self::Top | Self::Listing)
    }

    /// Whether a message, or the top of one, is asked for.
    pub(super) fn is_transfer(self) -> bool {
        matches!(self, Self::Retr | Self::Top)
    }

    /// Whether `+OK` may be followed by lines that nothing announces.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Blank | Self::Unknown)
    }
}

/// Whether a word is PASS, or PASS and a password run together.
fn is_pass(word: &[u8]) -> bool {
    word.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"PASS"))
}

/// Whether a line of which it is not known where it begins is this command, and nothing else: its arguments are such as it
/// has, or are told to nobody.
pub(super) fn is_certain(verb: Verb, text: &[u8]) -> bool {
    let mut arguments = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1);
    match verb {
        Verb::Pass | Verb::Apop | Verb::Auth => true,
        Verb::User => arguments.count() == 1,
        Verb::Unknown | Verb::Blank | Verb::Header | Verb::Open => false,
        _ => arguments.all(|word| word.iter().all(u8::is_ascii_digit)),
    }
}

/// Where in the arguments of XCLIENT the value of FORWARD stands: fields of the proxy's own user database, whatever they are.
pub(super) fn forwarded(text: &[u8]) -> Range<usize> {
    const NAME: &[u8] = b"FORWARD=";
    let begins = |at: &usize| text.get(*at..at + NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME));
    let words = memchr::memchr_iter(b' ', text).map(|at| at + 1);
    let Some(start) = words.into_iter().find(begins).map(|at| at + NAME.len()) else { return 0..0 };
    // What comes after it may be the rest of it.
    start..text.len()
}

/// Whether what stands after the first word has the looks of a login, or all of it where that is no command.
pub(super) fn resembles_login(verb: Verb, text: &[u8]) -> bool {
    let from = if verb == Verb::Unknown { 0 } else { text.trim_ascii_start().len().min(3) };
    let text = text.trim_ascii_start().get(from..).unwrap_or_default();
    text.windows(4).any(|word| [b"PASS", b"AUTH", b"APOP"].iter().any(|verb| word.eq_ignore_ascii_case(*verb)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_as_clients_write_them() {
        for (text, expected) in [
            (&b"USER alice"[..], Verb::User),
            (b"  pAsS x y", Verb::Pass),
            (b"PASS", Verb::Pass),
            (b"PASSsecret", Verb::Pass),
            (b"passwordsecret x", Verb::Pass),
            (b"AUTH PLAIN", Verb::Auth),
            (b"auth=plain", Verb::Auth),
            (b"AUTH  ", Verb::Listing),
            (b"LIST", Verb::Listing),
            (b"list 1", Verb::Single),
            (b"UIDL ", Verb::Listing),
            (b"LANG *", Verb::Single),
            (b"TOP 1 0", Verb::Top),
            (b"RETR", Verb::Retr),
            (b"XTND XLST", Verb::Open),
            (b"", Verb::Unknown),
            (b"+OK", Verb::Unknown),
            (b"RETRIEVEALL", Verb::Unknown),
            (b"NOOP{x", Verb::Unknown),
        ] {
            assert_eq!(Verb::read(text), expected, "{:?}", String::from_utf8_lossy(text));
        }
    }
}
