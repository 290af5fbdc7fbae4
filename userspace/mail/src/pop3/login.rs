//! Logins: USER and PASS, APOP (RFC 1939 §7), AUTH (RFC 5034 §4).

use std::ops::Range;

use writ_wire::{Direction, Time};
use zeroize::Zeroizing;

use super::answer::Status;
use super::command::Verb;
use super::said::Said;
use super::{Mode, Pop3};
use crate::access::{Clear, Event, Layer, Login, Scheme, Tell};
use crate::sasl::{Mechanism, Outcome};

/// A USER, answered or not, that no PASS has followed yet.
pub(super) struct Attempt {
    clear: Clear,
    /// Whether the server wants to hear no PASS.
    refused: bool,
    /// Whether the PASS may be among octets that were lost.
    lost: bool,
    last: Time,
}

impl Attempt {
    /// Octets that it holds.
    pub(super) fn held(&self) -> usize {
        self.clear.held()
    }

    /// Octets of the client were not captured here.
    pub(super) fn lost(&mut self) {
        self.lost = true;
    }
}

impl Pop3 {
    /// USER, and its answer if there was one: half a login. Of one that octets of the client were lost after, the other half
    /// may be among them, and what comes next another's.
    pub(super) fn user(&mut self, said: Said, answer: Option<(Said, bool)>, before_loss: bool, tell: Tell<'_>) {
        self.give_up_attempt(tell);
        let argument = argument(said.text());
        let name = said.text().get(argument.clone()).unwrap_or_default();
        // Two words can be a name and a password.
        let is_name = !name.is_empty() && said.line.cut == 0 && !name.iter().any(u8::is_ascii_whitespace);
        let name = is_name.then(|| Zeroizing::new(name.to_vec()));
        let (shown, secret) = if is_name { (argument, 0..0) } else { (0..0, argument) };
        let mut last = said.line.last;
        let mut clear = Clear { name, cut: said.line.cut, ..Clear::default() };
        clear.spoken.push(said.into_spoken(Direction::FromClient, shown, secret));
        let mut refused = false;
        if let Some((answer, ok)) = answer {
            refused = !ok;
            last = answer.line.last;
            add_answer(&mut clear, answer);
        }
        self.attempt = Some(Box::new(Attempt { clear, refused, lost: before_loss, last }));
        if before_loss {
            self.give_up_attempt(tell);
        }
    }

    /// PASS or APOP, and what became of it.
    pub(super) fn log_in(&mut self, verb: Verb, said: Said, answer: Option<Said>, outcome: Outcome, tell: Tell<'_>) {
        if verb == Verb::Apop {
            self.give_up_attempt(tell);
        }
        let mut clear = self.attempt.take().map(|attempt| attempt.clear).unwrap_or_default();
        clear.cut += said.line.cut;
        let (name, secret) = if verb == Verb::Apop {
            let (name, digest) = apop(said.text());
            clear.name = said.text().get(name.clone()).filter(|name| !name.is_empty()).map(|name| name.to_vec().into());
            (name, digest)
        } else {
            let secret = password(said.text());
            let whole = said.text().get(secret.clone()).filter(|password| !password.is_empty() && said.line.cut == 0);
            clear.password = whole.map(|password| password.to_vec().into());
            (0..0, secret)
        };
        let mut time = said.line.last;
        clear.spoken.push(said.into_spoken(Direction::FromClient, name, secret));
        if let Some(answer) = answer {
            time = answer.line.last;
            add_answer(&mut clear, answer);
        }
        self.tell_login(Scheme::Clear(clear), outcome, time, tell);
    }

    /// No PASS follows any more: the client began anew, or goes on without.
    pub(super) fn give_up_attempt(&mut self, tell: Tell<'_>) {
        self.end_attempt(Outcome::GivenUp, tell);
    }

    /// No PASS follows any more: that it did not was to be told as this, if nothing else is known of it.
    pub(super) fn end_attempt(&mut self, otherwise: Outcome, tell: Tell<'_>) {
        let Some(attempt) = self.attempt.take() else { return };
        let outcome = if attempt.refused {
            Outcome::Failed
        } else if attempt.lost {
            // Whoever is let in now may be another.
            Outcome::BrokenOff
        } else {
            otherwise
        };
        self.tell_login(Scheme::Clear(attempt.clear), outcome, attempt.last, tell);
    }

    /// Before a command is told that is none of a login: what it says of a USER.
    pub(super) fn settle_attempt(&mut self, verb: Verb, ok: bool, tell: Tell<'_>) {
        let Some(attempt) = &self.attempt else { return };
        // Some servers take CAPA, NOOP and the like between USER and PASS.
        if verb == Verb::Quit {
            self.end_attempt(Outcome::BrokenOff, tell);
        } else if attempt.refused || (verb == Verb::Stls && ok) {
            self.give_up_attempt(tell);
        }
    }

    pub(super) fn tell_login(&mut self, scheme: Scheme, outcome: Outcome, time: Time, tell: Tell<'_>) {
        if outcome == Outcome::Succeeded {
            self.logged_in = true;
            if self.held.is_empty() && self.dropped.is_none() {
                // What is pipelined before a login says nothing of what comes after it.
                self.matching.wait_again();
            }
        }
        if matches!(outcome, Outcome::Succeeded | Outcome::Unknown) {
            self.outside = false;
        }
        // The server may repeat it in what answers it.
        self.hidden |= outcome == Outcome::Unknown;
        let login = Login { scheme, outcome, inflated: false };
        if login.times().is_some() {
            tell(Event::Login(&login));
        }
        tell(Event::Settled { time });
    }

    /// Whether `+OK` to the AUTH that waits may mean that the exchange begins: so Exchange answers AUTH NTLM ([MS-POP3] §3.2.5.1),
    /// by which nobody is let in who has said nothing.
    pub(super) fn may_ask_on(&self) -> bool {
        self.mode == Mode::Waiting
            && self.auth.as_ref().is_some_and(|exchange| exchange.is_unsaid() && exchange.mechanism == Mechanism::Ntlm)
    }

    /// A line of the client behind a challenge.
    pub(super) fn response(&mut self, said: Said, tell: Tell<'_>) {
        // `NTLMSSP`, in base64; and `*` takes the AUTH back (RFC 5034 §4).
        let is_response = said.text().starts_with(b"TlRMTVNTU") || said.text().trim_ascii() == b"*";
        if let Some(time) = self.asks_on.take().filter(|_| !is_response) {
            // It was no challenge, but the answer to the AUTH.
            self.pop_pending();
            self.end_exchange(Outcome::Succeeded, time, tell);
            return self.command(said, tell);
        }
        self.mode = Mode::Waiting;
        self.add_response(said);
    }

    /// A line of the client that belongs to the exchange.
    pub(super) fn add_response(&mut self, said: Said) {
        if let Some(exchange) = &mut self.auth {
            let payload = 0..said.text().trim_ascii_end().len();
            exchange.cut += said.line.cut;
            exchange.add(said.into_step(Direction::FromClient, payload));
        }
    }

    /// A line of the server that belongs to the exchange: a challenge, or what it says at last.
    pub(super) fn add_challenge(&mut self, said: Said, status: Status) {
        if let Some(exchange) = &mut self.auth {
            let end = said.text().trim_ascii_end().len();
            let payload = match status {
                Status::Challenge => 2.min(end)..end,
                // What is left of one that was not captured whole.
                Status::Stray => 0..end,
                Status::Ok | Status::Err => 0..0,
            };
            exchange.cut += said.line.cut;
            exchange.add(said.into_step(Direction::FromServer, payload));
        }
    }

    /// The exchange is over.
    pub(super) fn end_exchange(&mut self, outcome: Outcome, time: Time, tell: Tell<'_>) {
        if matches!(self.mode, Mode::Waiting | Mode::Response) {
            self.mode = Mode::Command;
        }
        self.asks_on = None;
        let Some(exchange) = self.auth.take() else { return };
        self.give_up_attempt(tell);
        // RFC 2831 and RFC 4752 have layers; of what is not known nobody can say.
        let has_layers = matches!(exchange.mechanism, Mechanism::DigestMd5 | Mechanism::Unknown);
        self.layer = if has_layers && outcome == Outcome::Succeeded { Layer::MayBegin } else { Layer::None };
        self.tell_login(Scheme::Sasl(*exchange), outcome, time, tell);
    }
}

fn add_answer(clear: &mut Clear, answer: Said) {
    clear.cut += answer.line.cut;
    clear.spoken.push(answer.into_spoken(Direction::FromServer, 0..0, 0..0));
}

/// Where a verb of four letters ends.
fn verb_end(text: &[u8]) -> usize {
    (text.len() - text.trim_ascii_start().len() + 4).min(text.len())
}

/// Where the argument stands, without white space around it.
fn argument(text: &[u8]) -> Range<usize> {
    let from = verb_end(text);
    let rest = text.get(from..).unwrap_or_default();
    let start = from + rest.len() - rest.trim_ascii_start().len();
    start..text.trim_ascii_end().len().max(start)
}

/// Where the password stands: all the rest of the line after one space, for it may hold some (RFC 1939 §7).
fn password(text: &[u8]) -> Range<usize> {
    let from = verb_end(text);
    let separator = text.get(from).is_some_and(u8::is_ascii_whitespace);
    from + usize::from(separator)..text.len()
}

/// Where the name and the digest stand. Where the last word is no digest, it can be a password, and so can all of it.
fn apop(text: &[u8]) -> (Range<usize>, Range<usize>) {
    let all = argument(text);
    let words = text.get(all.clone()).unwrap_or_default();
    let Some(space) = words.iter().rposition(u8::is_ascii_whitespace) else { return (0..0, all) };
    let (name, digest) = words.split_at(space + 1);
    if digest.len() != 32 || !digest.iter().all(u8::is_ascii_hexdigit) {
        return (0..0, all);
    }
    (all.start..all.start + name.trim_ascii_end().len(), all.start + space + 1..all.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_all_the_rest() {
        for (text, expected) in [
            (&b"PASS secret"[..], &b"secret"[..]),
            (b"PASS two words ", b"two words "),
            (b"  pass  x", b" x"),
            (b"PASS", b""),
            (b"PASSsecret", b"secret"),
            (b"PASS:secret", b":secret"),
        ] {
            assert_eq!(&text[password(text)], expected);
        }
    }

    #[test]
    fn a_name_before_a_digest() {
        let digest = "c4c9334bac560ecc979e58001b3e22fb";
        for (text, name, secret) in [
            (format!("APOP mrose {digest}"), "mrose", digest),
            (format!("apop  a b  {digest} "), "a b", digest),
            ("APOP mrose secret".to_owned(), "", "mrose secret"),
            ("APOP mrose".to_owned(), "", "mrose"),
            ("APOP".to_owned(), "", ""),
        ] {
            let (found, digest) = apop(text.as_bytes());
            assert_eq!((&text[found], &text[digest]), (name, secret), "{text}");
        }
    }
}
