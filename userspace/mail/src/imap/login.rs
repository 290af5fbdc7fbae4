//! LOGIN (RFC 3501 §6.2.3) and AUTHENTICATE (§6.2.2, RFC 4959): what was said, and which of it is secret.

use std::ops::Range;

use writ_wire::{Direction, Time};
use zeroize::Zeroizing;

use super::scan::Literal;
use super::span::{Span, masked};
use crate::access::{Clear, Login, Scheme, Spoken};
use crate::line::At;
use crate::sasl::{Exchange, Mechanism, Outcome, Step};

/// Lines and literals of one attempt that are held; no LOGIN needs more than eight.
const MAX_SPOKEN: usize = 64;

/// How an attempt is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// LOGIN.
    Login,
    /// AUTHENTICATE.
    Sasl,
    /// PROXYAUTH: a name, and no password.
    Proxy,
    /// A line that is no command, and may be a password: all of it is secret, its tag too.
    Stray,
}

/// What a piece of the attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A line of the client.
    Line,
    /// A literal of the client.
    Literal,
    /// A response of the server.
    Response,
}

/// Octets that belong together, as they come.
#[derive(Default)]
struct Open {
    octets: Zeroizing<Vec<u8>>,
    cut: u64,
    span: Option<(Span, Time)>,
}

impl Open {
    fn push(&mut self, span: Span, octets: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.octets.len()).min(octets.len());
        let (kept, over) = octets.split_at_checked(room).unwrap_or((octets, &[]));
        self.octets.extend_from_slice(kept);
        self.cut += over.len() as u64;
        let first = self.span.map_or(span, |(first, _)| first);
        self.span = Some((first, span.time));
    }
}

/// One attempt to log in, as it goes on.
pub(super) struct Attempt {
    pub(super) spelling: Spelling,
    spoken: Vec<(Piece, Spoken)>,
    cut: u64,
    from_client: Open,
    from_server: Open,
    /// Octets of the client were cut, lost, or may be no command at all.
    is_uncertain: bool,
    /// How many pieces there were when octets of the client were lost.
    lost_at: Option<usize>,
    /// The place of the literal of which octets were lost, all else being known.
    missing: Option<usize>,
    inflated: bool,
    /// Whether it is no login, and its octets are told as they come, with `*` in place of each.
    pub(super) is_masked: bool,
    /// Whether a go-ahead came: the exchange goes on, and all that the server says is of it.
    pub(super) is_going_on: bool,
}

impl Attempt {
    pub(super) fn new(spelling: Spelling, inflated: bool) -> Self {
        Self {
            spelling,
            spoken: Vec::new(),
            cut: 0,
            from_client: Open::default(),
            from_server: Open::default(),
            is_uncertain: false,
            lost_at: None,
            missing: None,
            inflated,
            is_masked: false,
            is_going_on: false,
        }
    }

    /// Takes octets of the client.
    pub(super) fn push_client(&mut self, span: Span, octets: &[u8], limit: usize) {
        self.from_client.push(span, octets, limit);
    }

    /// Takes octets of the server.
    pub(super) fn push_server(&mut self, span: Span, octets: &[u8], limit: usize) {
        self.from_server.push(span, octets, limit);
    }

    /// What is held of the server's response.
    pub(super) fn response(&self) -> &[u8] {
        &self.from_server.octets
    }

    /// Whether the server's response is held whole.
    pub(super) fn has_whole_response(&self) -> bool {
        self.from_server.cut == 0
    }

    /// Whether something of the client's line is held.
    pub(super) fn is_client_speaking(&self) -> bool {
        self.from_client.span.is_some()
    }

    /// The server's response is not shown to anybody.
    pub(super) fn hide_response(&mut self) {
        *self.from_server.octets = masked(&self.from_server.octets);
    }

    /// Octets of the client's line past the limit.
    pub(super) fn client_cut(&self) -> u64 {
        self.from_client.cut
    }

    /// Octets held, roughly.
    pub(super) fn cost(&self) -> usize {
        let held = |(_, spoken): &(Piece, Spoken)| spoken.step.octets.len() + size_of::<Spoken>();
        self.spoken.iter().map(held).sum::<usize>() + self.from_client.octets.len() + self.from_server.octets.len()
    }

    /// Octets of the client were not captured.
    pub(super) fn lose_client(&mut self) {
        self.is_uncertain = true;
        self.lost_at.get_or_insert(self.spoken.len());
    }

    /// Whether octets of the client were cut, lost, or may be no command at all.
    pub(super) fn is_uncertain(&self) -> bool {
        self.is_uncertain
    }

    /// Whether octets of the client were lost of the line that is being sent.
    pub(super) fn is_cut_by_loss(&self) -> bool {
        self.lost_at.is_some()
    }

    /// Octets of a literal of LOGIN were not captured; whether all that stands around it is still known. `whole`: up to its end.
    pub(super) fn lose_literal(&mut self, octets: u64, whole: bool, time: Time) -> bool {
        // What comes behind a hole does not stand right behind what came before it.
        if self.spelling != Spelling::Login || self.is_uncertain || (self.is_client_speaking() && !whole) {
            return false;
        }
        self.missing.get_or_insert(self.spoken.len());
        if whole && !self.is_client_speaking() {
            let nowhere = Span::plain(At { time, offset: 0 });
            self.from_client.span = Some((nowhere, time));
        }
        self.from_client.cut += octets;
        true
    }

    /// Whether what is being sent is the second argument of LOGIN.
    pub(super) fn is_last_argument(&self) -> bool {
        let before = self.spoken.iter().filter(|(piece, _)| *piece == Piece::Literal).count();
        let begins_name = self.spoken.first().is_some_and(|(_, spoken)| {
            let octets = &spoken.step.octets;
            let mut found = Vec::new();
            read_line(octets, after_verb(octets), 0, &mut found) == Some(true) && found.len() == 1
        });
        before + usize::from(begins_name) == 1
    }

    /// The literal that a line of LOGIN announces of which octets were lost.
    pub(super) fn literal_after_loss(&self) -> Option<Literal> {
        self.lost_at.filter(|_| self.spelling == Spelling::Login)?;
        self.from_client.octets.rsplit(|octet| *octet == b' ').next().and_then(Literal::announced)
    }

    /// What is held of it, as it crossed the wire; nothing is held of it any more.
    pub(super) fn take_steps(&mut self) -> Vec<Step> {
        self.end_piece(Piece::Line);
        self.end_piece(Piece::Response);
        std::mem::take(&mut self.spoken).into_iter().map(|(_, spoken)| spoken.step).collect()
    }

    /// None of it is known to be a login.
    pub(super) fn doubt(&mut self) {
        self.is_uncertain = true;
        self.lost_at = Some(0);
    }

    /// Octets of the server were not captured.
    pub(super) fn lose_server(&mut self, octets: u64) {
        if self.from_server.span.is_some() {
            self.from_server.cut += octets;
        }
    }

    /// A piece is over.
    pub(super) fn end_piece(&mut self, piece: Piece) {
        let open = if piece == Piece::Response { &mut self.from_server } else { &mut self.from_client };
        let mut open = std::mem::take(open);
        let Some((first, last)) = open.span else { return };
        self.cut += open.cut;
        let is_missing = piece == Piece::Literal && self.missing == Some(self.spoken.len());
        self.is_uncertain |= piece != Piece::Response && open.cut > 0 && !is_missing;
        if self.spoken.len() >= MAX_SPOKEN {
            self.cut += open.octets.len() as u64;
            self.is_uncertain |= piece != Piece::Response;
            return;
        }
        let octets = std::mem::take(&mut *open.octets).into_boxed_slice();
        let text = octets.trim_ascii_end().len();
        let payload = match (self.spelling, piece) {
            (Spelling::Sasl, Piece::Literal) => 0..octets.len(),
            (Spelling::Sasl, Piece::Line) if !self.spoken.is_empty() => 0..text,
            (Spelling::Sasl, Piece::Response) if octets.first() == Some(&b'+') => {
                let start = octets.iter().skip(1).position(|octet| *octet != b' ').map_or(text, |at| at + 1);
                start.min(text)..text
            }
            _ => 0..0,
        };
        let from = if piece == Piece::Response { Direction::FromServer } else { Direction::FromClient };
        let step = Step { from, offset: first.offset, first: first.time, last, octets, payload };
        self.spoken.push((piece, Spoken { step, name: 0..0, secret: 0..0 }));
    }

    /// The attempt, with its outcome. A line that is cut short belongs to it.
    pub(super) fn finish(mut self, outcome: Outcome) -> Login {
        if self.is_client_speaking() {
            self.is_uncertain = true;
            self.end_piece(Piece::Line);
        }
        self.end_piece(Piece::Response);
        let inflated = self.inflated;
        let scheme = match self.spelling {
            Spelling::Sasl => self.into_exchange().map_or_else(|| Scheme::Clear(Clear::default()), Scheme::Sasl),
            Spelling::Login | Spelling::Proxy | Spelling::Stray => Scheme::Clear(self.into_clear()),
        };
        Login { scheme, outcome, inflated }
    }

    fn into_exchange(mut self) -> Option<Exchange> {
        let by_literal = self.take_mechanism();
        let mut steps = self.spoken.into_iter().map(|(_, spoken)| spoken.step);
        let command = steps.next()?;
        let mut exchange = match by_literal {
            Some(mechanism) => Exchange::new(mechanism, command),
            None => begin(command),
        };
        exchange.cut = self.cut;
        for (at, step) in steps.enumerate() {
            if self.lost_at.is_some_and(|lost| lost <= at + 1) {
                exchange.lost();
            }
            exchange.add(step);
        }
        match self.lost_at {
            Some(0) => exchange.doubt(),
            _ if self.is_uncertain => exchange.lost(),
            _ => {}
        }
        Some(exchange)
    }

    /// The mechanism, where its name is sent as a literal: servers take that, though RFC 3501 has an atom there.
    fn take_mechanism(&mut self) -> Option<Mechanism> {
        let command = &self.spoken.first()?.1.step.octets;
        Literal::announced(command.get(after_verb(command)..)?.trim_ascii())?;
        let at = self.spoken.iter().position(|(piece, _)| *piece == Piece::Literal)?;
        let name = &mut self.spoken.get_mut(at)?.1.step;
        let mechanism = Mechanism::is_name(&name.octets).then(|| Mechanism::named(&name.octets))?;
        name.payload = 0..0;
        if let Some((Piece::Line, Spoken { step, .. })) = self.spoken.get_mut(at + 1) {
            let spaces = step.octets.iter().take_while(|octet| **octet == b' ').count();
            step.payload = spaces.min(step.payload.end)..step.payload.end;
        }
        Some(mechanism)
    }

    fn into_clear(mut self) -> Clear {
        let understood = if self.is_uncertain { None } else { self.read_arguments() };
        let (mut name, mut password) = (None, None);
        let missing = self.missing;
        match understood.filter(|(first, _)| missing != Some(first.at)) {
            Some((first, second)) => {
                name = Some(first.value);
                if let Some((_, spoken)) = self.spoken.get_mut(first.at) {
                    spoken.name = first.range;
                }
                if let Some(second) = second {
                    password = (missing != Some(second.at)).then_some(second.value);
                    if let Some((_, spoken)) = self.spoken.get_mut(second.at) {
                        spoken.secret = second.range;
                    }
                }
            }
            None => self.hide_all(),
        }
        let spoken = self.spoken.into_iter().map(|(_, spoken)| spoken).collect();
        Clear { name, password, spoken, cut: self.cut }
    }

    /// Everything of the client may be a password, but for the beginning of a LOGIN. Of a line that is no command the first
    /// word may be one too, and the server says it again as the tag.
    fn hide_all(&mut self) {
        let is_login = self.spelling != Spelling::Stray && self.lost_at != Some(0);
        for (at, (piece, spoken)) in self.spoken.iter_mut().enumerate() {
            let octets = &spoken.step.octets;
            let text = octets.trim_ascii_end().len();
            spoken.secret = match piece {
                Piece::Line if at == 0 && is_login => after_verb(octets).min(text)..text,
                Piece::Line => 0..text,
                Piece::Literal => 0..octets.len(),
                Piece::Response => {
                    let tag = if is_login { 0..0 } else { tag_of(octets) };
                    let text = refusal_text(octets);
                    if tag.is_empty() { text } else { 0..tag.end.max(text.end) }
                }
            };
        }
    }

    /// The two arguments of LOGIN, or the one of PROXYAUTH; `None` where there are others.
    fn read_arguments(&self) -> Option<(Argument, Option<Argument>)> {
        let due = match self.spelling {
            Spelling::Login => 2,
            Spelling::Proxy => 1,
            Spelling::Sasl | Spelling::Stray => return None,
        };
        let mut found = Vec::with_capacity(2);
        // Where a literal is due, the line before it ended with its announcement.
        let mut literal_due = false;
        let pieces = self.spoken.iter().enumerate().filter(|(_, (piece, _))| *piece != Piece::Response);
        for (number, (at, (piece, spoken))) in pieces.enumerate() {
            let octets = &spoken.step.octets;
            if *piece == Piece::Literal {
                if !std::mem::take(&mut literal_due) {
                    return None;
                }
                found.push(Argument { at, range: 0..octets.len(), value: Zeroizing::new(octets.to_vec()) });
                continue;
            }
            let start = if number == 0 { after_verb(octets) } else { 0 };
            literal_due = read_line(octets, start, at, &mut found)?;
        }
        if literal_due || found.len() != due {
            return None;
        }
        let mut found = found.into_iter();
        // No name holds a control character.
        let name = found.next().filter(|name| !name.value.iter().any(u8::is_ascii_control))?;
        Some((name, found.next()))
    }
}

/// An argument of LOGIN.
struct Argument {
    /// The piece that it stands in.
    at: usize,
    range: Range<usize>,
    value: Zeroizing<Vec<u8>>,
}

/// Reads the arguments on a line from `at` on; whether a literal follows it. `None` where something else stands there.
fn read_line(octets: &[u8], mut at: usize, piece: usize, found: &mut Vec<Argument>) -> Option<bool> {
    let text = octets.get(..octets.len() - usize::from(octets.last() == Some(&b'\n')))?;
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    while at < text.len() {
        // A space stands before each argument, and none at the end of the line.
        let spaces = text.get(at..)?.iter().take_while(|octet| **octet == b' ').count();
        at += spaces;
        let rest = text.get(at..)?;
        if spaces == 0 {
            return None;
        }
        let mut value = Zeroizing::new(Vec::with_capacity(rest.len()));
        let length = match rest.first() {
            None => break,
            Some(b'"') => {
                let mut escaped = false;
                let end = rest.iter().skip(1).position(|&octet| {
                    let ends = !escaped && octet == b'"';
                    if escaped || !matches!(octet, b'"' | b'\\') {
                        value.push(octet);
                        escaped = false;
                    } else {
                        escaped = octet == b'\\';
                    }
                    ends
                });
                end? + 2
            }
            Some(b'{') => return Some(true),
            Some(_) => {
                let end = rest.iter().position(|&octet| octet == b' ').unwrap_or(rest.len());
                let word = rest.get(..end)?;
                // An atom, with what servers let pass in one (RFC 3501 §9, `ASTRING-CHAR`): a backslash too, which is itself there.
                if word.iter().any(|&octet| octet < b' ' || matches!(octet, b'(' | b')' | b'{' | b'"')) {
                    return None;
                }
                value.extend_from_slice(word);
                end
            }
        };
        if !matches!(text.get(at + length), None | Some(b' ')) || found.len() == 2 {
            return None;
        }
        found.push(Argument { at: piece, range: at..at + length, value });
        at += length;
    }
    Some(false)
}

/// Where the arguments begin, or the space before them: after the tag, the command's name, and UID before that.
fn after_verb(octets: &[u8]) -> usize {
    let is_space = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r');
    let skip = |from: usize, while_it: &dyn Fn(&u8) -> bool| {
        from + octets.get(from..).unwrap_or_default().iter().take_while(|octet| while_it(octet)).count()
    };
    let is_name = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
    let tag = skip(skip(0, &is_space), &|octet| !is_space(octet) && *octet != b'\n');
    let start = skip(tag, &is_space);
    let end = skip(start, &is_name);
    if octets.get(start..end).is_some_and(|name| name.eq_ignore_ascii_case(b"UID")) {
        skip(skip(end, &is_space), &is_name)
    } else {
        end
    }
}

/// The first word of a response, if it is a tag.
fn tag_of(octets: &[u8]) -> Range<usize> {
    let end = octets.iter().position(u8::is_ascii_whitespace).unwrap_or(octets.len());
    if matches!(octets.get(..end), Some(b"*" | b"+")) { 0..0 } else { 0..end }
}

/// The text of a response that refuses: some servers say in it what they were sent.
fn refusal_text(octets: &[u8]) -> Range<usize> {
    let mut words = octets.split(|octet| *octet == b' ');
    let (tag, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let status = status.trim_ascii_end();
    let is_refusal = [&b"BAD"[..], b"NO"].iter().any(|refusal| status.eq_ignore_ascii_case(refusal));
    let (start, end) = (tag.len() + status.len() + 2, octets.trim_ascii_end().len());
    if is_refusal && start < end { start..end } else { 0..0 }
}

/// Reads `tag AUTHENTICATE mechanism [initial-response]` (RFC 3501 §6.2.2, RFC 4959 §3).
fn begin(mut step: Step) -> Exchange {
    let octets = &step.octets;
    let end = octets.trim_ascii_end().len();
    let skip = |from: usize, is_part: &dyn Fn(&u8) -> bool| {
        octets.get(from..end).map_or(end, |rest| from + rest.iter().take_while(|octet| is_part(octet)).count())
    };
    let name = skip(after_verb(octets).min(end), &|octet| octet.is_ascii_whitespace());
    let after = skip(name, &|octet| !octet.is_ascii_whitespace());
    let word = octets.get(name..after).unwrap_or_default();
    // Some clients quote it.
    let bare = word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word);
    let mechanism = Mechanism::named(bare);
    let payload = if Mechanism::is_name(bare) { skip(after, &|octet| octet.is_ascii_whitespace()) } else { name };
    step.payload = payload..end;
    Exchange::new(mechanism, step)
}
