//! Lines that may hold a password in the wrong place: of a client that tries to log in by words that the server does not
//! know, or goes on after it was refused. What may be one is overwritten, octet for octet, with what the server says to it.

use writ_mail::smtp::{Command, Reply, Verb};

/// Parameters of MAIL and RCPT (RFC 1870, 6152, 6531, 3461, 4954, 2852, 4865, 6710, 8689, 7293, 4405).
const PARAMETERS: [&[u8]; 14] = [
    b"SIZE",
    b"BODY",
    b"SMTPUTF8",
    b"RET",
    b"ENVID",
    b"NOTIFY",
    b"ORCPT",
    b"AUTH",
    b"BY",
    b"HOLDFOR",
    b"HOLDUNTIL",
    b"MT-PRIORITY",
    b"REQUIRETLS",
    b"RRVS",
];
/// The same, with an address as its value.
const SUBMITTER: &[u8] = b"SUBMITTER";
/// Octets of a word that is too short for a login in base64, or of a parameter's name.
const SHORT: usize = 15;

/// What the session has shown of logins.
#[derive(Clone, Copy, Default)]
pub(super) struct Suspicion {
    /// Whether anything looked like an attempt to log in, however it went.
    login: bool,
    /// Whether something was overwritten, which the server may quote in any refusal.
    overwritten: bool,
}

impl Suspicion {
    /// Something looked like a login.
    pub(super) fn login_seen(&mut self) {
        self.login = true;
    }

    /// The line as it may be handed over, where that is not as it is.
    pub(super) fn hidden(&mut self, command: &Command) -> Option<Vec<u8>> {
        let mut hidden = command.line.octets.to_vec();
        let end = command.line.text().len();
        let is_login = is_login(command);
        self.login |= is_login;
        let from = self.shown(command);
        let text = hidden.get_mut(from..end)?;
        let before = text.to_vec();
        match &command.verb {
            Verb::Mail(_) | Verb::Rcpt(_) => hide_parameters(text, self.login),
            _ => hide(text),
        }
        let changed = *text != *before;
        self.overwritten |= changed;
        changed.then_some(hidden)
    }

    /// How many octets of the line hold no secret.
    fn shown(self, command: &Command) -> usize {
        let text = command.line.text();
        let verb = text.iter().take_while(|octet| octet.is_ascii_whitespace()).count();
        let after_verb = verb + text.iter().skip(verb).take_while(|octet| octet.is_ascii_alphanumeric()).count();
        match &command.verb {
            Verb::Mail(_) | Verb::Rcpt(_) => command.parameters().start,
            Verb::Data | Verb::Rset => after_verb,
            Verb::Neutral if self.login => after_verb,
            Verb::Unknown if self.login => 0,
            _ => text.len(),
        }
    }

    /// Whether the reply may quote what was overwritten.
    pub(super) fn hides(self, of_hidden: bool, reply: &Reply) -> bool {
        of_hidden || self.overwritten && reply.code >= 400
    }
}

/// Whether a line that is none of the commands a message needs looks like a login.
fn is_login(command: &Command) -> bool {
    let text = command.line.text();
    match &command.verb {
        Verb::Unknown | Verb::Neutral => text_is_login(text),
        Verb::Data | Verb::Rset => text.trim_ascii().len() > 4 && text_is_login(text),
        Verb::Mail(_) | Verb::Rcpt(_) => {
            let parameters = text.get(command.parameters()).unwrap_or_default();
            words(parameters).any(|word| !is_parameter(word) && text_is_login(word))
        }
        _ => false,
    }
}

/// A word of a login by any name, octets that no command has, or what may be base64.
fn text_is_login(text: &[u8]) -> bool {
    let has = |name: &[u8]| text.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name));
    let is_base64 = |word: &[u8]| {
        // A number is the size of a chunk.
        word.len() > SHORT
            && word.iter().any(u8::is_ascii_alphabetic)
            && word.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'='))
    };
    has(b"AUTH")
        || has(b"LOGIN")
        || has(b"PASS")
        || text.iter().any(|octet| octet.is_ascii_control() && *octet != b'\t')
        || words(text).any(is_base64)
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// Whether it is a parameter of MAIL or RCPT that is known.
fn is_parameter(word: &[u8]) -> bool {
    let name = word.split(|octet| *octet == b'=').next().unwrap_or_default();
    let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
    // A login is no parameter: that one has a value.
    let has_value = name.len() < word.len() || !is(b"AUTH");
    has_value && (PARAMETERS.iter().any(|known| is(known)) || is(SUBMITTER))
}

/// Overwrites parameters that nobody knows, unless they are a mere name.
fn hide_parameters(parameters: &mut [u8], login: bool) {
    for word in parameters.split_mut(|octet| octet.is_ascii_whitespace()) {
        let is_name = word.len() <= SHORT && word.iter().all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-');
        // A second bracket.
        let is_bracket = word.iter().all(|octet| *octet == b'>');
        if !is_bracket && !is_parameter(word) && (login || !is_name) {
            word.fill(b'*');
        }
    }
}

/// Overwrites all but white space at the ends.
fn hide(text: &mut [u8]) {
    let start = text.iter().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
    if let Some(rest) = text.get_mut(start..) {
        rest.fill(b'*');
    }
}

/// A reply with its text overwritten; codes and line ends stay.
pub(super) fn hidden_reply(reply: &Reply) -> Vec<u8> {
    let mut octets = reply.octets.to_vec();
    for line in octets.split_inclusive_mut(|octet| *octet == b'\n') {
        let end = line.iter().rposition(|octet| !matches!(octet, b'\r' | b'\n')).map_or(0, |at| at + 1);
        let has_code = line.iter().take(3).filter(|octet| octet.is_ascii_digit()).count() == 3;
        if let Some(text) = line.get_mut(if has_code { 4 } else { 0 }..end) {
            text.fill(b'*');
        }
    }
    octets
}
