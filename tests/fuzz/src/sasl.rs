//! SASL exchanges: what is overwritten stays as long as it was, and nothing shows through.
//!
//! The input: a mechanism, how much is kept, then steps. Each is who sends it, a length, and so many octets, which go in base64
//! or, where a bit says so, as they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use writ_mail::sasl::{Exchange, Keep, Mechanism, Step};
use writ_wire::{Direction, Time};

use crate::choices::Choices;

const MECHANISMS: [Mechanism; 10] = [
    Mechanism::Plain,
    Mechanism::Login,
    Mechanism::CramMd5,
    Mechanism::DigestMd5,
    Mechanism::Scram,
    Mechanism::Xoauth2,
    Mechanism::OauthBearer,
    Mechanism::Ntlm,
    Mechanism::External,
    Mechanism::Unknown,
];

/// How a step writes its message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Base64,
    WithoutPadding,
    AsItIs,
}

fn step(choices: &mut Choices<'_>) -> (Step, Form) {
    let bits = choices.octet();
    let from = if bits & 1 == 0 { Direction::FromClient } else { Direction::FromServer };
    let form = [Form::Base64, Form::Base64, Form::WithoutPadding, Form::AsItIs][usize::from(bits >> 1 & 3)];
    let prefix: &[u8] = if bits & 8 == 0 { b"" } else { b"AUTH X " };
    let length = choices.octet();
    let message = choices.take(length.into());
    let text = match form {
        Form::AsItIs => message.to_vec(),
        Form::Base64 => STANDARD.encode(message).into_bytes(),
        Form::WithoutPadding => STANDARD.encode(message).trim_end_matches('=').as_bytes().to_vec(),
    };
    let payload = prefix.len()..prefix.len() + text.len();
    let octets = [prefix, &text, b"\r\n"].concat().into_boxed_slice();
    (Step { from, offset: 0, first: Time::MIN, last: Time::MIN, octets, payload }, form)
}

/// What `payload` says, with the padding that a client may have left out.
fn decoded(payload: &[u8]) -> Option<Vec<u8>> {
    let mut padded = payload.to_vec();
    padded.resize(payload.len().next_multiple_of(4), b'=');
    STANDARD.decode(padded).ok()
}

/// Asserts that of a message that holds a password from `secret` on, nothing of it is left.
fn assert_hidden(before: &[u8], after: &Step, secret: usize) {
    if after.payload().iter().all(|&octet| octet == b'*') {
        return;
    }
    let after = decoded(after.payload()).expect("what is not all overwritten is base64 still");
    assert_eq!(after.len(), before.len());
    assert_eq!(after[..secret], before[..secret], "what is shown is what was said");
    assert!(after[secret..].iter().all(|&octet| octet == b'*'), "an octet of a password is left");
}

/// Runs an input.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mechanism = choices.one_of(&MECHANISMS);
    let keep = choices.one_of(&[Keep::Nothing, Keep::Username, Keep::Everything]);
    let (first, form) = step(&mut choices);
    let mut forms = vec![form];
    let mut exchange = Exchange::new(mechanism, first);
    while !choices.is_empty() {
        let (step, form) = step(&mut choices);
        if exchange.steps.len() < 32 {
            forms.push(form);
        }
        exchange.add(step);
    }
    assert_eq!(exchange.steps.len(), forms.len(), "no more than 32 steps are held");
    let _ = (exchange.identity(), exchange.challenge(), exchange.response());

    let redacted = exchange.redacted(keep);
    assert_eq!(redacted.len(), exchange.steps.len());
    let mut responses = 0;
    for ((before, after), form) in exchange.steps.iter().zip(&redacted).zip(forms) {
        assert_eq!(
            (before.from, before.octets.len(), &before.payload),
            (after.from, after.octets.len(), &after.payload)
        );
        let outside = |step: &Step| [&step.octets[..step.payload.start], &step.octets[step.payload.end..]].concat();
        assert_eq!(outside(before), outside(after), "what is around a message stays");
        if keep == Keep::Everything {
            assert_eq!(before.octets, after.octets);
            continue;
        }
        if before.from != Direction::FromClient || before.payload.is_empty() {
            continue;
        }
        responses += 1;
        let message = if form == Form::AsItIs { None } else { decoded(before.payload()) };
        match (&message, mechanism) {
            _ if keep == Keep::Nothing => assert!(after.payload().iter().all(|&octet| octet == b'*')),
            (Some(message), Mechanism::Plain) if responses == 1 => {
                let secret =
                    message.iter().enumerate().filter(|(_, octet)| **octet == 0).nth(1).map_or(0, |(at, _)| at + 1);
                assert_hidden(message, after, secret);
            }
            (_, Mechanism::Plain | Mechanism::Login) if responses > 1 => {
                assert!(after.payload().iter().all(|&octet| octet == b'*'), "a second response shows through");
            }
            _ => {}
        }
    }
}
