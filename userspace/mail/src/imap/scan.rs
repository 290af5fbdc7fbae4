//! The tokens of IMAP4 (RFC 3501 §4, §9; RFC 9051 §9), one by one, from octets in pieces of any size.
//!
//! Nothing is held but the token that is being read, and of that no more than [`KEPT`] octets. Literals are announced and
//! not read here: who asked knows what to do with their octets.

/// Octets of a token that are kept. The longest that is looked at is a `msg-id` (RFC 5322 §2.1.1).
pub(super) const KEPT: usize = 1024;
/// Octets of the longest announcement of a literal: `~{18446744073709551615+}`.
const ANNOUNCEMENT: usize = 24;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// An atom, a number, a flag, NIL, or the name of a FETCH item with its section.
    Word,
    /// A quoted string; what it says, without quotes and backslashes, is the scanner's text.
    Quoted,
    /// `(`
    Open,
    /// `)`
    Close,
    /// The announcement of a literal and its line end: its octets follow.
    Literal(Literal),
    /// The end of the line.
    End,
}

/// The announcement of a literal (RFC 3501 §4.3, RFC 7888, RFC 3516 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    /// Octets in it.
    pub(super) size: u64,
    /// Whether a client waits for the server's go-ahead before it sends them.
    pub(super) waits: bool,
}

impl Literal {
    /// Reads the last word of a line, with the line's end.
    pub(super) fn announced(word: &[u8]) -> Option<Self> {
        let word = word.strip_suffix(b"\n").unwrap_or(word);
        Self::read(word.strip_suffix(b"\r").unwrap_or(word))
    }

    /// Reads `{n}`, `{n+}`, `{n-}`, each with or without `~` before it.
    fn read(word: &[u8]) -> Option<Self> {
        let word = word.strip_prefix(b"~").unwrap_or(word);
        let inside = word.strip_prefix(b"{")?.strip_suffix(b"}")?;
        let (digits, waits) = match inside {
            [digits @ .., b'+' | b'-'] => (digits, false),
            digits => (digits, true),
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let size = std::str::from_utf8(digits).ok()?.parse().ok()?;
        Some(Self { size, waits })
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before the first octet of a token.
    #[default]
    Between,
    Word,
    /// A CR after what announces a literal, if LF follows.
    LiteralCr(Literal),
    Quoted,
    QuotedEscape,
    /// In the brackets of a FETCH item, where spaces, parentheses and strings may stand.
    Section,
    SectionQuoted,
    SectionEscape,
    /// In text that goes up to the end of the line, whatever it says.
    Text,
}

/// Reads tokens.
#[derive(Default)]
pub(super) struct Scanner {
    state: State,
    text: Vec<u8>,
    is_cut: bool,
    /// The last word of a section, which may announce a literal.
    tail: Vec<u8>,
    depth: u32,
}

impl Scanner {
    /// Octets that are held.
    pub(super) fn held(&self) -> usize {
        self.text.capacity() + self.tail.capacity()
    }

    /// What the last [`Token::Word`] or [`Token::Quoted`] says, or its beginning where that is long.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether the text is only the beginning.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// How many lists are open.
    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether the literal that was announced stands in the section of a FETCH item.
    pub(super) fn is_in_section(&self) -> bool {
        matches!(self.state, State::Section)
    }

    /// The rest of the line is text.
    pub(super) fn read_text(&mut self) {
        self.state = State::Text;
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.text.clear();
        self.is_cut = false;
    }

    fn keep(&mut self, octet: u8) {
        if self.text.len() < KEPT {
            self.text.push(octet);
        } else {
            self.is_cut = true;
        }
    }

    fn keep_tail(&mut self, octet: u8) {
        // One more than fits, so that what is too long is seen to be.
        if self.tail.len() <= ANNOUNCEMENT {
            self.tail.push(octet);
        }
    }

    fn end(&mut self) -> Token {
        // An idle session holds no memory.
        *self = Self::default();
        Token::End
    }

    /// Takes octets off `input` up to the end of the next token; `None` where they end before that.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Option<Token> {
        while let Some((&octet, rest)) = input.split_first() {
            // Where a token ends at an octet that is not its own, that one stays.
            let after = std::mem::replace(input, rest);
            match self.state {
                State::Between => match octet {
                    b' ' | b'\t' | b'\r' => {}
                    b'\n' => return Some(self.end()),
                    b'(' => {
                        self.depth = self.depth.saturating_add(1);
                        return Some(Token::Open);
                    }
                    b')' => {
                        self.depth = self.depth.saturating_sub(1);
                        return Some(Token::Close);
                    }
                    b'"' => self.begin(State::Quoted),
                    _ => {
                        self.begin(State::Word);
                        self.keep(octet);
                    }
                },
                State::Word => match octet {
                    b'\r' | b'\n' => match Literal::read(&self.text) {
                        Some(literal) if octet == b'\n' => {
                            self.state = State::Between;
                            return Some(Token::Literal(literal));
                        }
                        Some(literal) => self.state = State::LiteralCr(literal),
                        None => {
                            *input = after;
                            self.state = State::Between;
                            return Some(Token::Word);
                        }
                    },
                    b' ' | b'\t' | b'(' | b')' | b'"' => {
                        *input = after;
                        self.state = State::Between;
                        return Some(Token::Word);
                    }
                    b'[' if begins_section(&self.text) => {
                        self.keep(octet);
                        self.tail.clear();
                        self.state = State::Section;
                    }
                    _ => self.keep(octet),
                },
                State::LiteralCr(literal) => {
                    self.state = if self.is_section_open() { State::Section } else { State::Between };
                    if octet == b'\n' {
                        self.tail.clear();
                        return Some(Token::Literal(literal));
                    }
                    *input = after;
                    if self.state == State::Between {
                        return Some(Token::Word);
                    }
                }
                State::Quoted => match octet {
                    b'"' => {
                        self.state = State::Between;
                        return Some(Token::Quoted);
                    }
                    b'\\' => self.state = State::QuotedEscape,
                    // A quoted string ends on its line (RFC 3501 §4.3): the quote was no quote.
                    b'\n' => return Some(self.end()),
                    _ => self.keep(octet),
                },
                State::QuotedEscape => {
                    if octet == b'\n' {
                        return Some(self.end());
                    }
                    self.keep(octet);
                    self.state = State::Quoted;
                }
                State::Section => match octet {
                    b']' => {
                        self.keep(octet);
                        self.state = State::Word;
                    }
                    b'\r' | b'\n' => match Literal::read(&self.tail) {
                        Some(literal) if octet == b'\n' => {
                            self.tail.clear();
                            return Some(Token::Literal(literal));
                        }
                        Some(literal) => self.state = State::LiteralCr(literal),
                        None if octet == b'\n' => return Some(self.end()),
                        None => {}
                    },
                    b'"' => self.state = State::SectionQuoted,
                    b' ' | b'\t' | b'(' | b')' => {
                        self.keep(octet);
                        self.tail.clear();
                    }
                    _ => {
                        self.keep(octet);
                        self.keep_tail(octet);
                    }
                },
                State::SectionQuoted => match octet {
                    b'"' => {
                        self.tail.clear();
                        // So that what follows a string announces nothing.
                        self.keep_tail(b'"');
                        self.state = State::Section;
                    }
                    b'\\' => self.state = State::SectionEscape,
                    b'\n' => return Some(self.end()),
                    _ => {}
                },
                State::SectionEscape => {
                    if octet == b'\n' {
                        return Some(self.end());
                    }
                    self.state = State::SectionQuoted;
                }
                State::Text => {
                    if octet == b'\n' {
                        return Some(self.end());
                    }
                    let Some(end) = memchr::memchr(b'\n', rest) else {
                        *input = &[];
                        return None;
                    };
                    *input = rest.get(end + 1..).unwrap_or_default();
                    return Some(self.end());
                }
            }
        }
        None
    }

    /// Whether the word that is being read has a section without its end.
    fn is_section_open(&self) -> bool {
        let name = self.text.iter().position(|&octet| octet == b'[');
        name.is_some_and(|at| begins_section(self.text.get(..at).unwrap_or_default()))
            && self.text.last() != Some(&b']')
    }
}

/// Whether a bracket after this word begins a section (RFC 3501 §6.4.5, RFC 3516 §4.2, RFC 5259 §9).
fn begins_section(word: &[u8]) -> bool {
    let names: [&[u8]; 8] = [
        b"BODY",
        b"BODY.PEEK",
        b"BINARY",
        b"BINARY.PEEK",
        b"BINARY.SIZE",
        b"BODYPART",
        b"BODYPARTSTRUCTURE",
        b"AVAILABLECONVERSIONS",
    ];
    names.iter().any(|name| name.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each token as text. Octets of literals are passed over.
    fn tokens(text: &[u8], piece: usize) -> Vec<String> {
        let mut scanner = Scanner::default();
        let mut found = Vec::new();
        let mut skip = 0;
        for mut octets in text.chunks(piece) {
            loop {
                let passed = skip.min(octets.len());
                skip -= passed;
                octets = &octets[passed..];
                let Some(token) = scanner.next(&mut octets) else { break };
                let said = String::from_utf8_lossy(scanner.text()).into_owned();
                found.push(match token {
                    Token::Word => said,
                    Token::Quoted => format!("\"{said}\""),
                    Token::Open => "(".into(),
                    Token::Close => ")".into(),
                    Token::End => "$".into(),
                    Token::Literal(literal) => {
                        skip = literal.size as usize;
                        format!("{}{}", literal.size, if literal.waits { "" } else { "+" })
                    }
                });
            }
        }
        found
    }

    #[test]
    fn tokens_are_the_same_however_the_octets_are_cut() {
        for (text, expected) in [
            (&b"12 FETCH (FLAGS (\\Seen $X) UID 7)\r\n"[..], "12 FETCH ( FLAGS ( \\Seen $X ) UID 7 ) $"),
            (b"A \"b \\\" (\\\\\" {3}\r\n(\r\n x\n", "A \"b \" (\\\" 3 x $"),
            (b"{3+}\r\nabc~{2-}\r\nab~{1}\nx\r\n", "3+ 2+ 1 $"),
            (
                b"BODY[HEADER.FIELDS (\"a]b\" {4}\r\n]\r\n( {2}\r\n]]x)]<0> {1}\r\n) y\r\n",
                "4 2 BODY[HEADER.FIELDS ( {4} {2}x)]<0> 1 y $",
            ),
            (b"BODY[]<0.5> body.peek[1.MIME](\r\n", "BODY[]<0.5> body.peek[1.MIME] ( $"),
            // No literal: in the middle of a line, of a word, in quotes, without a number, with one too many.
            (b"{3} a{3} \"{3}\" {} {x} {99999999999999999999}\r\n", "{3} a{3} \"{3}\" {} {x} {99999999999999999999} $"),
            (b"a{3}\r\n{3}\rb\r\n", "a{3} $ {3} b $"),
            // A quote without its end.
            (b"\"abc {5}\r\nx\r\n", "$ x $"),
            (b"BODY[abc\r\nx\r\n", "$ x $"),
        ] {
            for piece in 1..=text.len() {
                assert_eq!(tokens(text, piece).join(" "), expected, "{:?} in {piece}", String::from_utf8_lossy(text));
            }
        }
    }

    #[test]
    fn what_is_long_or_deep_is_not_held() {
        let mut scanner = Scanner::default();
        for _ in 0..1000 {
            assert_eq!(scanner.next(&mut &[b'x'; 1000][..]), None);
        }
        assert_eq!(scanner.next(&mut &b" "[..]), Some(Token::Word));
        assert_eq!((scanner.text().len(), scanner.is_cut()), (KEPT, true));
        let deep = [b'('; 100_000];
        let mut input: &[u8] = &deep;
        while scanner.next(&mut input).is_some() {}
        assert_eq!(scanner.depth(), 100_000);
        assert_eq!(scanner.next(&mut &b"\n"[..]), Some(Token::End));
        assert_eq!(scanner.depth(), 0);
    }
}
