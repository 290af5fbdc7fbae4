//! SMTP commands, read from their lines.

use std::borrow::Cow;
use std::ops::Range;

use crate::line::Line;

/// One command as it crossed the wire, and what it says.
#[derive(Clone, Debug)]
pub struct Command {
    /// What it says.
    pub verb: Verb,
    /// The transaction it stands in: counts up with every MAIL command of the session; 0 before the first.
    pub transaction: u32,
    /// Whether it is known to be a command of this transaction. Where octets of the client were not captured before it, it may
    /// be the text of a message, or of the next transaction; where they were not captured after it and before its reply, the
    /// transaction may be over.
    pub is_certain: bool,
    /// Its octets and times.
    pub line: Line,
}

impl Command {
    /// Where in its line's text the parameters of MAIL or RCPT stand, behind the path; empty at the end for others.
    pub fn parameters(&self) -> Range<usize> {
        let text = self.line.text();
        let rest = match &self.verb {
            Verb::Mail(_) => Path::split(split_verb(text.trim_ascii_start()).1, b"FROM"),
            Verb::Rcpt(_) => Path::split(split_verb(text.trim_ascii_start()).1, b"TO"),
            _ => None,
        };
        text.len() - rest.map_or(0, |(_, parameters)| parameters.len())..text.len()
    }
}

/// What a command says. The verbs are those of RFC 5321 and the extensions that change how a session is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// HELO, EHLO (RFC 5321 §4.1.1.1), LHLO (RFC 2033 §4.1).
    Hello,
    /// MAIL FROM (§4.1.1.2).
    Mail(Path),
    /// RCPT TO (§4.1.1.3).
    Rcpt(Path),
    /// DATA (§4.1.1.4).
    Data,
    /// BDAT (RFC 3030 §2): a chunk of this many octets follows at once.
    Bdat {
        /// Octets in the chunk.
        size: u64,
        /// Whether it ends the message.
        last: bool,
    },
    /// BURL (RFC 4468 §3): the server fetches the content by itself.
    Burl {
        /// Whether it ends the message.
        last: bool,
    },
    /// RSET (RFC 5321 §4.1.1.5).
    Rset,
    /// QUIT (§4.1.1.10).
    Quit,
    /// AUTH (RFC 4954 §4).
    Auth,
    /// STARTTLS (RFC 3207).
    StartTls,
    /// A verb that changes nothing for us: VRFY, EXPN, HELP, NOOP and the like.
    Neutral,
    /// A verb that is not known, or a line that is none.
    Unknown,
}

/// A reverse-path or forward-path (RFC 5321 §4.1.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Path {
    /// The mailbox as it was written, without angle brackets and source route; empty for the null reverse-path.
    /// Octets that are no UTF-8 (RFC 6531) are replaced.
    pub mailbox: Box<str>,
}

impl std::fmt::Debug for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Path(..)")
    }
}

/// Splits a command line into its verb and what follows it.
fn split_verb(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|octet| !octet.is_ascii_alphanumeric()).unwrap_or(text.len());
    text.split_at(end)
}

impl Verb {
    /// Reads the text of a command line, its line end taken off.
    ///
    /// As lenient as servers are: any case, white space before the verb and around the colon, brackets left out.
    pub(super) fn read(text: &[u8]) -> Self {
        let (verb, rest) = split_verb(text.trim_ascii_start());
        match verb.to_ascii_uppercase().as_slice() {
            b"HELO" | b"EHLO" | b"LHLO" => Self::Hello,
            b"MAIL" => Path::after(rest, b"FROM").map_or(Self::Unknown, Self::Mail),
            b"RCPT" => Path::after(rest, b"TO").map_or(Self::Unknown, Self::Rcpt),
            b"DATA" => Self::Data,
            b"BDAT" => Self::bdat(rest),
            b"BURL" => Self::Burl { last: rest.trim_ascii_end().to_ascii_uppercase().ends_with(b" LAST") },
            b"RSET" => Self::Rset,
            b"QUIT" => Self::Quit,
            b"AUTH" => Self::Auth,
            b"STARTTLS" => Self::StartTls,
            b"NOOP" | b"VRFY" | b"EXPN" | b"HELP" | b"ETRN" | b"XCLIENT" | b"XFORWARD" | b"SEND" | b"SOML"
            | b"SAML" | b"TURN" => Self::Neutral,
            _ => Self::Unknown,
        }
    }

    /// A size that is no number is a command that no server takes a chunk for (RFC 3030 §4.1): no octets follow it.
    fn bdat(rest: &[u8]) -> Self {
        let mut words = rest.split(|octet| octet.is_ascii_whitespace()).filter(|word| !word.is_empty());
        let size = words.next().filter(|word| word.iter().all(u8::is_ascii_digit));
        let size = size.and_then(|word| std::str::from_utf8(word).ok()).and_then(|word| word.parse().ok());
        match (size, words.next(), words.next()) {
            (Some(size), None, _) => Self::Bdat { size, last: false },
            (Some(size), Some(word), None) if word.eq_ignore_ascii_case(b"LAST") => Self::Bdat { size, last: true },
            _ => Self::Unknown,
        }
    }
}

impl Path {
    /// Reads `FROM:<path> parameters` after the verb.
    fn after(rest: &[u8], keyword: &[u8]) -> Option<Self> {
        let (mailbox, _) = Self::split(rest, keyword)?;
        Some(Self { mailbox: String::from_utf8_lossy(mailbox).into() })
    }

    /// The mailbox in `FROM:<path> parameters`, and the parameters.
    fn split<'t>(rest: &'t [u8], keyword: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
        let rest = rest.trim_ascii_start();
        let (word, rest) = rest.split_at_checked(keyword.len())?;
        if !word.eq_ignore_ascii_case(keyword) {
            return None;
        }
        let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (mailbox, parameters) = match start_in_brackets(rest).and_then(|start| rest.get(start..)) {
            // Twice the bracket, or a name before the second, is one address to servers that take it.
            Some(rest) => match rest.split_at_checked(end_outside_quotes(rest, |octet| octet == b'>'))? {
                // Without its end it is one word: what stands behind may be a login.
                (_, []) => first_word(rest)?,
                (inside, _) if opens_parameter(inside) => first_word(rest)?,
                (inside, after) => {
                    let mailbox = start_in_brackets(inside).and_then(|start| inside.get(start..)).unwrap_or(inside);
                    (mailbox, after.strip_prefix(b">").unwrap_or(after))
                }
            },
            None => {
                let (mailbox, parameters) = first_word(rest)?;
                (mailbox.strip_suffix(b">").unwrap_or(mailbox), parameters)
            }
        };
        Some((without_route(mailbox.trim_ascii()), parameters))
    }

    /// The mailbox without what some servers take and leave out (RFC 5322 §3.4.1, §4.4): white space around its `@`,
    /// comments, and the backslash before an octet outside quotes (RFC 821 §4.1.2). For comparing; what is told is
    /// [`mailbox`](Self::mailbox).
    pub fn address(&self) -> Cow<'_, str> {
        let octets = self.mailbox.as_bytes();
        if !octets.iter().any(|octet| matches!(octet, b'(' | b' ' | b'\t' | b'\\')) {
            return Cow::Borrowed(&self.mailbox);
        }
        let Some(bare) = without_comments(&self.mailbox) else { return Cow::Borrowed(&self.mailbox) };
        match bare.rsplit_once('@') {
            Some((local, domain)) => Cow::Owned(format!("{}@{}", local.trim_ascii(), domain.trim_ascii())),
            None => Cow::Owned(bare.trim_ascii().to_owned()),
        }
    }
}

/// Where the last `<` stands that opens an address, just behind it: one at the start, or with a name before it. Parameters
/// have their own, behind an `=` (RFC 4954 §5), and nothing that an `@` stands before is a name. One in words of RFC 2047
/// has an `=` in it.
fn start_in_brackets(octets: &[u8]) -> Option<usize> {
    let (mut from, mut start, mut in_word) = (0, None, false);
    while let Some(rest) = octets.get(from..) {
        let at = from + end_outside_quotes(rest, |octet| matches!(octet, b'<' | b'@' | b'=' | b'>'));
        from = at + 1;
        match octets.get(at) {
            Some(b'<') => start = Some(from),
            Some(b'=') if octets.get(from) == Some(&b'?') => in_word = true,
            Some(b'=') if in_word => in_word = octets.get(at.wrapping_sub(1)) != Some(&b'?'),
            _ => break,
        }
    }
    start
}

/// Whether a bracket stands there that belongs to a parameter, so that the one around the address was never closed.
fn opens_parameter(inside: &[u8]) -> bool {
    let at = end_outside_quotes(inside, |octet| octet == b'<');
    at < inside.len() && inside.get(at.wrapping_sub(1)) == Some(&b'=') && !inside.starts_with(b"=?")
}

/// The first word, and what stands behind it.
fn first_word(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = end_outside_quotes(octets, |octet| octet.is_ascii_whitespace());
    // Quotes that are not closed hold nothing together.
    let is_closed = end < octets.len() || are_quotes_closed(octets);
    let end = Some(end).filter(|_| is_closed).or_else(|| octets.iter().position(u8::is_ascii_whitespace));
    octets.split_at_checked(end.unwrap_or(octets.len()))
}

fn are_quotes_closed(octets: &[u8]) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for &octet in octets {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    !quoted
}

/// Takes comments out; `None` where one has no end, or there is none.
fn without_comments(mailbox: &str) -> Option<String> {
    let mut bare = String::with_capacity(mailbox.len());
    let (mut quoted, mut escaped, mut depth) = (false, false, 0_usize);
    for character in mailbox.chars() {
        let was_depth = depth;
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted || depth > 0 => escaped = true,
            '\\' => {
                escaped = true;
                continue;
            }
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => depth -= 1,
            _ => {}
        }
        if depth == 0 && was_depth == 0 {
            bare.push(character);
        }
    }
    (depth == 0 && !quoted).then_some(bare)
}

/// Where the first octet that `ends` accepts stands outside a quoted string; the length where there is none.
fn end_outside_quotes(octets: &[u8], ends: impl Fn(u8) -> bool) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, &octet) in octets.iter().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if !quoted && ends(octet) => return at,
            _ => {}
        }
    }
    octets.len()
}

/// Takes a source route off (`@a,@b:user@c`, RFC 5321 §4.1.1.3 and appendix C: to be ignored).
fn without_route(mailbox: &[u8]) -> &[u8] {
    if mailbox.first() != Some(&b'@') {
        return mailbox;
    }
    let colon = mailbox.iter().position(|&octet| octet == b':');
    colon.and_then(|at| mailbox.get(at + 1..)).unwrap_or(mailbox)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(text: &str) -> Option<String> {
        match Verb::read(text.as_bytes()) {
            Verb::Mail(path) | Verb::Rcpt(path) => Some(path.mailbox.into()),
            _ => None,
        }
    }

    #[test]
    fn paths_as_clients_write_them() {
        for (text, expected) in [
            ("MAIL FROM:<alice@example.org>", "alice@example.org"),
            ("mail from: <alice@example.org> SIZE=100 BODY=8BITMIME", "alice@example.org"),
            ("Mail From:alice@example.org SIZE=1", "alice@example.org"),
            ("MAIL FROM : < alice@example.org >", "alice@example.org"),
            ("MAIL FROM:<>", ""),
            ("RCPT TO:<@a.example,@b.example:bob@example.net>", "bob@example.net"),
            ("RCPT TO:<\"a > b\"@example.net> NOTIFY=NEVER", "\"a > b\"@example.net"),
            ("RCPT TO:<\"q\\\"> x\"@example.net>", "\"q\\\"> x\"@example.net"),
            ("RCPT TO:<jürgen@exämple.net>", "jürgen@exämple.net"),
            ("RCPT TO:<postmaster>", "postmaster"),
            ("RCPT TO:<user@[IPv6:2001:db8::1]>", "user@[IPv6:2001:db8::1]"),
            ("RCPT TO:<unclosed@example.net", "unclosed@example.net"),
            ("RCPT TO:<unclosed@example.net AUTH PLAIN AGFsaWNlAHMzY3JldA==", "unclosed@example.net"),
            ("MAIL FROM:<alice AUTH PLAIN AGFsaWNlAHMzY3JldA==", "alice"),
            ("MAIL FROM:<\"alice AUTH PLAIN AGFsaWNlAHMzY3JldA==", "\"alice"),
            ("MAIL FROM:\"alice AUTH PLAIN AGFsaWNlAHMzY3JldA==", "\"alice"),
            ("MAIL FROM:<\"a b\"@example.org AUTH=<>", "\"a b\"@example.org"),
            ("MAIL FROM:alice@example.org>", "alice@example.org"),
            ("MAIL FROM:alice@example.org> SIZE=1", "alice@example.org"),
            ("MAIL FROM:<al\\ice@example.org>", "al\\ice@example.org"),
            ("MAIL FROM:<al\\>ice@example.org> SIZE=1", "al\\>ice@example.org"),
            ("MAIL FROM:=?utf-8?q?Alice?= <alice@example.org> SIZE=1", "alice@example.org"),
            ("MAIL FROM:=?utf-8?b?QWxpY2U=?= <alice@example.org>", "alice@example.org"),
            ("MAIL FROM:Alice <alice@example.org> SIZE=1", "alice@example.org"),
            ("MAIL FROM:\"Alice <a@b>\" <alice@example.org>", "alice@example.org"),
            ("MAIL FROM:Alice<alice@example.org>", "alice@example.org"),
            ("MAIL FROM:<<alice@example.org>>", "alice@example.org"),
            ("MAIL FROM:<Alice <alice@example.org>>", "alice@example.org"),
            ("MAIL FROM:<alice@example.org(home)>", "alice@example.org(home)"),
            ("MAIL FROM:<alice @ example.org>", "alice @ example.org"),
            ("MAIL FROM:alice@example.org AUTH=<bob@example.net>", "alice@example.org"),
            ("MAIL FROM:postmaster AUTH=<bob@example.net>", "postmaster"),
            ("MAIL FROM:alice@example.org <bob@example.net>", "alice@example.org"),
            ("MAIL FROM:<\"<\"@example.org>", "\"<\"@example.org"),
            ("MAIL FROM:<> AUTH=<bob@example.net>", ""),
        ] {
            assert_eq!(mailbox(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["MAIL", "MAIL FROM", "MAIL TO:<a@b>", "RCPT FROM:<a@b>", "MAILFROM:<a@b>"] {
            assert_eq!(mailbox(text), None, "{text}");
        }
    }

    #[test]
    fn what_servers_leave_out_is_left_out_for_comparing() {
        for (mailbox, expected) in [
            ("alice@example.org", "alice@example.org"),
            ("alice@example.org(home)", "alice@example.org"),
            ("alice@example.org (home (of \\) hers)) ", "alice@example.org"),
            ("alice(a@b)@example.org(c@d)", "alice@example.org"),
            ("alice @ example.org", "alice@example.org"),
            ("al ice@example.org", "al ice@example.org"),
            ("\"al (ice) \"@ example.org", "\"al (ice) \"@example.org"),
            ("alice@example.org(home", "alice@example.org(home"),
            ("alice)@example.org", "alice)@example.org"),
            ("al\\ice@example.org", "alice@example.org"),
            ("al\\@ice@example.org", "al@ice@example.org"),
            ("\"al\\ice\"@example.org", "\"al\\ice\"@example.org"),
            ("postmaster (him)", "postmaster"),
        ] {
            assert_eq!(Path { mailbox: mailbox.into() }.address(), expected);
        }
    }

    #[test]
    fn chunk_sizes() {
        assert_eq!(Verb::read(b"BDAT 86 LAST"), Verb::Bdat { size: 86, last: true });
        assert_eq!(Verb::read(b"BDAT 0000000000000000000000029"), Verb::Bdat { size: 29, last: false });
        assert_eq!(Verb::read(b"BDAT 000"), Verb::Bdat { size: 0, last: false });
        assert_eq!(Verb::read(b"bdat 0 last"), Verb::Bdat { size: 0, last: true });
        assert_eq!(Verb::read(b"BDAT 18446744073709551615"), Verb::Bdat { size: u64::MAX, last: false });
        for text in [
            &b"BDAT"[..],
            b"BDAT -1",
            b"BDAT +1",
            b"BDAT 18446744073709551616",
            b"BDAT 1 FIRST",
            b"BDAT 1 LAST x",
            b"BDAT 0x10",
        ] {
            assert_eq!(Verb::read(text), Verb::Unknown);
        }
    }

    #[test]
    fn verbs_in_any_case() {
        assert_eq!(Verb::read(b"ehlo x"), Verb::Hello);
        assert_eq!(Verb::read(b"sTaRtTlS"), Verb::StartTls);
        assert_eq!(Verb::read(b"BURL imap://x/;urlauth=submit+y LAST"), Verb::Burl { last: true });
        assert_eq!(Verb::read(b""), Verb::Unknown);
    }
}
