//! One attempt to log in to a mailbox, however the protocol spells it.

use std::fmt;
use std::ops::Range;

use writ_wire::{Direction, Time};
use zeroize::{Zeroize, Zeroizing};

use crate::repeated::{Parts, overwrite_texts};
use crate::sasl::{Exchange, Identity, Keep, Outcome, Step};

/// One attempt to log in, from its first command to the server's answer.
#[derive(Debug)]
pub struct Login {
    /// How it was spelled.
    pub scheme: Scheme,
    /// What the server said of it.
    pub outcome: Outcome,
    /// Whether it was said in a compressed stream (RFC 4978), so that the offsets of its steps are not those of the wire.
    pub inflated: bool,
}

/// How a login is spelled.
#[derive(Debug)]
pub enum Scheme {
    /// By commands of the protocol itself: USER and PASS, APOP, LOGIN.
    Clear(Clear),
    /// AUTH (RFC 5034), AUTHENTICATE (RFC 3501 §6.2.2).
    Sasl(Exchange),
}

/// A login by USER and PASS, APOP, or LOGIN. Zeroised when dropped.
#[derive(Default)]
pub struct Clear {
    /// Who logs in; `None` where the command could not be understood, and then all that may be a password is secret.
    pub name: Option<Zeroizing<Vec<u8>>>,
    /// The password; `None` where there is none to be seen (APOP sends a digest).
    pub password: Option<Zeroizing<Vec<u8>>>,
    /// Every line in the order in which the ends saw them.
    pub spoken: Vec<Spoken>,
    /// Octets past the limits that `spoken` does not hold.
    pub cut: u64,
}

/// A line of the exchange, or a literal, as it crossed the wire.
#[derive(Clone)]
pub struct Spoken {
    /// The octets; its payload is not used.
    pub step: Step,
    /// Where the user's name stands, as it is spelled there.
    pub name: Range<usize>,
    /// Where a password or digest stands.
    pub secret: Range<usize>,
}

impl fmt::Debug for Clear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clear({} lines)", self.spoken.len())
    }
}

impl fmt::Debug for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.step.fmt(f)
    }
}

impl Login {
    /// Who logs in, where it can be told.
    pub fn identity(&self) -> Option<Identity> {
        match &self.scheme {
            Scheme::Clear(clear) => clear.name.as_ref().and_then(|name| Identity::of_login(name)),
            Scheme::Sasl(exchange) => exchange.identity(),
        }
    }

    /// The password, where it crossed the wire as such: clear-text logins, and the mechanisms PLAIN and LOGIN (clause 7.10).
    pub fn password(&self) -> Option<Zeroizing<Vec<u8>>> {
        match &self.scheme {
            Scheme::Clear(clear) => clear.password.clone(),
            Scheme::Sasl(exchange) => exchange.password(),
        }
    }

    /// Its lines, with every octet overwritten by `*` that `keep` does not let go; each as long as it was.
    pub fn redacted(&self, keep: Keep) -> Vec<Step> {
        match &self.scheme {
            Scheme::Clear(clear) => clear.redacted(keep),
            Scheme::Sasl(exchange) => exchange.redacted(keep),
        }
    }

    /// Octets of the client and of the server.
    pub fn octets(&self) -> (u64, u64) {
        let mut sum = (0, 0);
        self.each_step(|step| match step.from {
            Direction::FromClient => sum.0 += step.octets.len() as u64,
            Direction::FromServer => sum.1 += step.octets.len() as u64,
        });
        sum
    }

    /// The times of the packets with its first and with its last octet; `None` where nothing of it is held.
    pub fn times(&self) -> Option<(Time, Time)> {
        let mut times = None;
        self.each_step(|step| times = Some((times.map_or(step.first, |(first, _)| first), step.last)));
        times
    }

    /// Its lines, in the order in which the ends saw them, as they crossed the wire.
    pub fn each_step(&self, mut tell: impl FnMut(&Step)) {
        match &self.scheme {
            Scheme::Clear(clear) => clear.spoken.iter().for_each(|spoken| tell(&spoken.step)),
            Scheme::Sasl(exchange) => exchange.steps.iter().for_each(tell),
        }
    }
}

impl Clear {
    /// Octets that it holds.
    pub(crate) fn held(&self) -> usize {
        self.spoken.iter().map(|spoken| spoken.step.octets.len() + size_of::<Spoken>()).sum()
    }

    fn redacted(&self, keep: Keep) -> Vec<Step> {
        let hidden = self.hidden(keep);
        let mut steps = Vec::with_capacity(self.spoken.len());
        for spoken in &self.spoken {
            let mut step = spoken.step.clone();
            if keep != Keep::Everything {
                overwrite(&mut step, &spoken.secret);
                let from_server = step.from == Direction::FromServer;
                // Of what is not held nobody can say whether it is repeated.
                if from_server && (self.cut > 0 || hidden.stand_in(&step.octets)) {
                    overwrite_texts(&mut step.octets);
                }
            }
            if keep == Keep::Nothing {
                overwrite(&mut step, &spoken.name);
            }
            steps.push(step);
        }
        steps
    }

    /// What the client said that is overwritten.
    fn hidden(&self, keep: Keep) -> Parts {
        let mut hidden = Parts::default();
        if keep == Keep::Everything {
            return hidden;
        }
        let of_client = || self.spoken.iter().filter(|spoken| spoken.step.from == Direction::FromClient);
        let part = |spoken: &Spoken, range: &Range<usize>| spoken.step.octets.get(range.clone()).map(<[u8]>::to_vec);
        of_client()
            .filter_map(|spoken| part(spoken, &spoken.secret))
            .for_each(|secret| hidden.add(&Zeroizing::new(secret)));
        self.password.iter().for_each(|password| hidden.add(password));
        if keep == Keep::Nothing {
            of_client().filter_map(|spoken| part(spoken, &spoken.name)).for_each(|name| hidden.add(&name));
            self.name.iter().for_each(|name| hidden.add(name));
        }
        hidden
    }
}

fn overwrite(step: &mut Step, range: &Range<usize>) {
    if let Some(octets) = step.octets.get_mut(range.clone()) {
        octets.zeroize();
        octets.fill(b'*');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(from: Direction, text: &[u8], name: Range<usize>, secret: Range<usize>) -> Spoken {
        let time = Time::from_nanos(0);
        let step = Step { from, offset: 0, first: time, last: time, octets: text.into(), payload: 0..0 };
        Spoken { step, name, secret }
    }

    fn login() -> Login {
        let clear = Clear {
            name: Some(Zeroizing::new(b"alice".to_vec())),
            password: Some(Zeroizing::new(b"secret".to_vec())),
            spoken: vec![
                spoken(Direction::FromClient, b"USER alice\r\n", 5..10, 0..0),
                spoken(Direction::FromServer, b"+OK\r\n", 0..0, 0..0),
                spoken(Direction::FromClient, b"PASS secret\r\n", 0..0, 5..11),
            ],
            cut: 0,
        };
        Login { scheme: Scheme::Clear(clear), outcome: Outcome::Succeeded, inflated: false }
    }

    fn text(keep: Keep) -> Vec<u8> {
        login().redacted(keep).iter().flat_map(|step| step.octets.to_vec()).collect()
    }

    #[test]
    fn a_clear_login_shows_what_may_be_shown() {
        assert_eq!(text(Keep::Everything), b"USER alice\r\n+OK\r\nPASS secret\r\n");
        assert_eq!(text(Keep::Username), b"USER alice\r\n+OK\r\nPASS ******\r\n");
        assert_eq!(text(Keep::Nothing), b"USER *****\r\n+OK\r\nPASS ******\r\n");
    }

    #[test]
    fn what_the_server_repeats_of_a_secret_is_one() {
        let answer = |text: &[u8]| {
            let mut login = login();
            let Scheme::Clear(clear) = &mut login.scheme else { unreachable!() };
            clear.spoken.push(spoken(Direction::FromServer, text, 0..0, 0..0));
            let last = |keep| {
                login.redacted(keep).pop().map(|step| String::from_utf8_lossy(&step.octets).into_owned()).unwrap()
            };
            [Keep::Everything, Keep::Username, Keep::Nothing].map(last)
        };
        let bad = "-ERR what is PASS Secret\r\n";
        let hidden = "-ERR *******************\r\n";
        assert_eq!(answer(bad.as_bytes()), [bad, hidden, hidden]);
        assert_eq!(answer(b"a BAD LOGIN alice secret\r\n")[1], "a BAD ******************\r\n");
        let good = "+OK alice's maildrop\r\n";
        assert_eq!(answer(good.as_bytes()), [good, good, "+OK ****************\r\n"]);
        assert_eq!(answer(b"-ERR [AUTH] no\r\n"), ["-ERR [AUTH] no\r\n"; 3]);
    }

    #[test]
    fn its_octets_are_counted_and_nothing_of_it_reaches_a_log() {
        assert_eq!(login().octets(), (25, 5));
        let shown = format!("{:?}", login());
        assert!(!shown.contains("alice") && !shown.contains("secret"), "{shown}");
    }
}
