//! Overwriting what an exchange must not show, octet for octet.

use base64::Engine as _;
use writ_wire::Direction;
use zeroize::{Zeroize, Zeroizing};

use super::identity::{BASE64, decode};
use super::{Exchange, Mechanism, Step};
use crate::repeated::{Parts, overwrite_texts};

/// How much of an exchange may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// Not even the user name.
    Nothing,
    /// The user name; no password, digest, proof or token.
    Username,
    /// All of it.
    Everything,
}

/// The part of a decoded message that stays, the rest being secret.
enum Shown {
    All,
    Nothing,
    /// Up to this octet.
    UpTo(usize),
}

pub(super) fn redact(exchange: &Exchange, keep: Keep) -> Vec<Step> {
    let mut steps = exchange.steps.clone();
    if keep == Keep::Everything {
        return steps;
    }
    // A message that names nobody in the form of its mechanism may hold its secret anywhere.
    let keep = if exchange.identity().is_some() { keep } else { Keep::Nothing };
    for (number, response) in exchange.client_messages().enumerate() {
        let message = decode(response.step.payload());
        let shown = match &message {
            Some(message) if keep == Keep::Username && !response.is_secret => {
                shown_response(exchange.mechanism, number, message)
            }
            _ => Shown::Nothing,
        };
        if let Some(step) = steps.get_mut(response.at) {
            overwrite(step, message, &shown);
        }
    }
    let sent = sent(exchange);
    for step in steps.iter_mut().filter(|step| step.from == Direction::FromServer) {
        // What was lost of the client's side cannot be looked for.
        if exchange.certain.is_some() || exchange.cut > 0 || sent.stand_in(&step.octets) {
            overwrite_texts(&mut step.octets);
        } else if !step.payload.is_empty() {
            overwrite(step, None, &shown_challenge(exchange.mechanism));
        }
    }
    steps
}

/// What the client sent, as it crossed the wire and decoded, for the server may repeat either.
fn sent(exchange: &Exchange) -> Parts {
    let mut sent = Parts::default();
    for message in exchange.client_messages() {
        sent.add_long(message.step.payload());
        if let Some(decoded) = decode(message.step.payload()) {
            decoded.split(|octet| matches!(octet, 0 | 1)).for_each(|part| sent.add_long(part));
        }
    }
    sent
}

/// A challenge from which a password could be tested offline is secret as well.
fn shown_challenge(mechanism: Mechanism) -> Shown {
    match mechanism {
        Mechanism::Plain | Mechanism::Login | Mechanism::CramMd5 => Shown::All,
        _ => Shown::Nothing,
    }
}

fn shown_response(mechanism: Mechanism, number: usize, message: &[u8]) -> Shown {
    let after_last = |separator: u8| {
        message.iter().rposition(|&octet| octet == separator).map_or(Shown::Nothing, |at| Shown::UpTo(at + 1))
    };
    match (mechanism, number) {
        (Mechanism::Plain, 0) => {
            let mut zeros = message.iter().enumerate().filter(|(_, octet)| **octet == 0).map(|(at, _)| at);
            zeros.nth(1).map_or(Shown::Nothing, |at| Shown::UpTo(at + 1))
        }
        (Mechanism::Login | Mechanism::External, 0) => Shown::All,
        (Mechanism::CramMd5, 0) => after_last(b' '),
        (Mechanism::Scram, 0) => Shown::All,
        // The token follows the first separator, unless the client has its own idea of the order.
        (Mechanism::Xoauth2, 0) if message.starts_with(b"user=") => before_token(message),
        (Mechanism::OauthBearer, 0) if matches!(message, [b'n' | b'y' | b'p', b',' | b'=', ..]) => {
            before_token(message)
        }
        _ => Shown::Nothing,
    }
}

fn before_token(message: &[u8]) -> Shown {
    message.iter().position(|&octet| octet == 1).map_or(Shown::Nothing, |at| Shown::UpTo(at + 1))
}

fn overwrite(step: &mut Step, message: Option<Zeroizing<Vec<u8>>>, shown: &Shown) {
    let upto = match shown {
        Shown::All => return,
        Shown::Nothing => 0,
        Shown::UpTo(at) => *at,
    };
    let range = step.payload.clone();
    let Some(target) = step.octets.get_mut(range) else { return };
    let encoded = message.filter(|_| upto > 0).map(|mut message| {
        if let Some(secret) = message.get_mut(upto..) {
            secret.fill(b'*');
        }
        BASE64.encode(&*message)
    });
    match encoded {
        // Clients that leave the padding out get none here either.
        Some(mut encoded) if encoded.len() >= target.len() && encoded.len() - target.len() <= 2 => {
            target.copy_from_slice(encoded.as_bytes().get(..target.len()).unwrap_or_default());
            encoded.zeroize();
        }
        _ => target.fill(b'*'),
    }
}

#[cfg(test)]
mod tests {
    use writ_wire::Time;

    use super::*;

    fn step(from: Direction, prefix: &[u8], message: &[u8]) -> Step {
        let mut octets = prefix.to_vec();
        octets.extend(BASE64.encode(message).into_bytes());
        let payload = prefix.len()..octets.len();
        octets.extend(b"\r\n");
        Step { from, offset: 0, first: Time::MIN, last: Time::MIN, octets: octets.into_boxed_slice(), payload }
    }

    fn shown(exchange: &Exchange, keep: Keep) -> Vec<String> {
        let steps = exchange.redacted(keep);
        for (before, after) in exchange.steps.iter().zip(&steps) {
            assert_eq!(before.octets.len(), after.octets.len());
        }
        let text = |step: &Step| match decode(step.payload()) {
            Some(message) => String::from_utf8_lossy(&message).into_owned(),
            None => String::from_utf8_lossy(step.payload()).into_owned(),
        };
        steps.iter().map(text).collect()
    }

    use Direction::{FromClient, FromServer};

    #[test]
    fn plain_keeps_the_name_and_no_octet_of_the_password() {
        let exchange = Exchange::new(Mechanism::Plain, step(FromClient, b"AUTH PLAIN ", b"\0alice\0secret"));
        assert_eq!(shown(&exchange, Keep::Username), ["\0alice\0******"]);
        assert_eq!(shown(&exchange, Keep::Nothing), ["*".repeat(20)]);
        assert_eq!(shown(&exchange, Keep::Everything), ["\0alice\0secret"]);
    }

    #[test]
    fn login_keeps_the_first_step_only() {
        let mut exchange = Exchange::new(Mechanism::Login, step(FromClient, b"AUTH LOGIN", b""));
        exchange.add(step(FromServer, b"334 ", b"Username:"));
        exchange.add(step(FromClient, b"", b"alice"));
        exchange.add(step(FromServer, b"334 ", b"Password:"));
        exchange.add(step(FromClient, b"", b"secret"));
        assert_eq!(shown(&exchange, Keep::Username), ["", "Username:", "alice", "Password:", &"*".repeat(8)]);
        // A server that asks for the password alone.
        let mut exchange = Exchange::new(Mechanism::Login, step(FromClient, b"AUTH LOGIN", b""));
        exchange.add(step(FromServer, b"334 ", b"Password:"));
        exchange.add(step(FromClient, b"", b"secret"));
        assert_eq!(shown(&exchange, Keep::Username), ["", "Password:", &"*".repeat(8)]);
        // A client that gives no name, and a prompt in another language.
        let mut exchange = Exchange::new(Mechanism::Login, step(FromClient, b"AUTH LOGIN", b""));
        exchange.add(step(FromServer, b"334 ", b"Naam:"));
        exchange.add(step(FromClient, b"", b""));
        exchange.add(step(FromServer, b"334 ", b"Wachtwoord:"));
        exchange.add(step(FromClient, b"", b"secret"));
        assert_eq!(shown(&exchange, Keep::Username)[4], "*".repeat(8));
    }

    #[test]
    fn digests_proofs_and_tokens_are_secret() {
        for (mechanism, first, expected) in [
            (
                Mechanism::CramMd5,
                &b"alice 0123456789abcdef0123456789abcdef"[..],
                "alice ********************************",
            ),
            (Mechanism::Xoauth2, b"user=a@b\x01auth=Bearer t\x01\x01", "user=a@b\u{1}***************"),
        ] {
            let exchange = Exchange::new(mechanism, step(FromClient, b"AUTH X ", first));
            assert_eq!(shown(&exchange, Keep::Username), [expected]);
        }
        let mut exchange = Exchange::new(Mechanism::Scram, step(FromClient, b"AUTH S ", b"n,,n=alice,r=abc"));
        exchange.add(step(FromServer, b"334 ", b"r=abc,s=salt,i=4096"));
        exchange.add(step(FromClient, b"", b"c=biws,r=abc,p=proof"));
        exchange.add(step(FromServer, b"235 ", b"v=verifier"));
        let steps = shown(&exchange, Keep::Username);
        assert_eq!(steps[0], "n,,n=alice,r=abc");
        assert!(steps[1..].iter().all(|step| step.bytes().all(|octet| octet == b'*')), "{steps:?}");
    }

    #[test]
    fn what_cannot_be_read_is_overwritten_whole() {
        let mut bad = step(FromClient, b"AUTH PLAIN ", b"");
        bad.octets = (*b"AUTH PLAIN secret!\r\n").into();
        bad.payload = 11..18;
        let exchange = Exchange::new(Mechanism::Plain, bad);
        assert_eq!(&*exchange.redacted(Keep::Username)[0].octets, b"AUTH PLAIN *******\r\n");
    }
}
