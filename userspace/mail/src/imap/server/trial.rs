//! Untagged data that is read on trial.
//!
//! Where the capture began in mid-stream, or octets of the server were not captured, a line is not known to be a response: it may stand in
//! a message. What reads like the data of messages counts once a tagged response stands right behind it. Whoever feigns that in a
//! message can say of this message no more than what its header could have said.

use writ_wire::Time;

use crate::imap::fetch::Fetched;
use crate::imap::scan::{Scanner, Token};

/// What the response is.
#[derive(Default)]
enum Response {
    #[default]
    First,
    Numbered(u32),
    Items(Box<Fetched>),
    Plain,
}

/// The data of a message that was read on trial, with its octets, and the time of its first and last.
pub(in crate::imap) struct Tried {
    pub(in crate::imap) fetched: Box<Fetched>,
    pub(in crate::imap) octets: u64,
    pub(in crate::imap) times: (Time, Time),
}

/// Responses that may be ones.
#[derive(Default)]
pub(super) struct Trial {
    /// Whether one is being read; `fresh` where its first octets were read already.
    is_open: bool,
    fresh: bool,
    response: Response,
    scanner: Scanner,
    /// Octets left of the literal at hand.
    left: u64,
    octets: u64,
    first: Time,
    /// Those that were read whole, one right behind the other.
    done: Vec<Tried>,
}

impl Trial {
    /// Octets that are held, about.
    pub(super) fn held(&self) -> usize {
        // The names in a message's head, at their largest.
        let done = self.done.len() * (size_of::<Tried>() + size_of::<Fetched>() + 1024);
        let open = if let Response::Items(fetched) = &self.response { fetched.held() } else { 0 };
        done + open + self.scanner.held()
    }

    /// A line begins with `* `, and goes on with `word` so far: a response, unless it stands within one.
    pub(super) fn star(&mut self, first: Time, word: &[u8], limit: usize) {
        if !self.is_open {
            let done = std::mem::take(&mut self.done);
            *self = Self { is_open: true, octets: 2, first, done, ..Self::default() };
            self.push(word, first, limit);
            self.fresh = true;
        }
    }

    /// A line begins in another way: what stands before it was no response, unless it goes on.
    pub(super) fn other_line(&mut self) {
        if !self.is_open {
            self.done = Vec::new();
        }
    }

    /// Those that were read whole.
    pub(super) fn take(&mut self) -> Vec<Tried> {
        std::mem::take(self).done
    }

    /// Takes the octets that were read; of the data of messages no more than `limit` are kept.
    pub(super) fn push(&mut self, octets: &[u8], time: Time, limit: usize) {
        if !self.is_open || std::mem::take(&mut self.fresh) {
            return;
        }
        self.octets += octets.len() as u64;
        let mut rest = octets;
        while !rest.is_empty() && self.is_open {
            if self.left > 0 {
                let take = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                let (literal, after) = rest.split_at_checked(take).unwrap_or((rest, &[]));
                (rest, self.left) = (after, self.left - take as u64);
                if let Response::Items(fetched) = &mut self.response {
                    fetched.literal_octets(literal, time);
                }
                self.end_literal();
                continue;
            }
            let Some(token) = self.scanner.next(&mut rest) else { return };
            self.token(token);
            match token {
                Token::Literal(literal) => {
                    self.left = literal.size;
                    self.end_literal();
                }
                Token::End => self.end(time, limit),
                _ => {}
            }
        }
    }

    fn token(&mut self, token: Token) {
        let text = self.scanner.text();
        let next = match &mut self.response {
            Response::First if token == Token::Word => {
                let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                number.map_or(Response::Plain, Response::Numbered)
            }
            Response::Numbered(number) if token == Token::Word => {
                Fetched::named(*number, text).map_or(Response::Plain, |fetched| Response::Items(Box::new(fetched)))
            }
            Response::First | Response::Numbered(_) => Response::Plain,
            Response::Items(fetched) => {
                fetched.token(token, &self.scanner);
                return;
            }
            Response::Plain => return,
        };
        self.response = next;
    }

    fn end_literal(&mut self) {
        if let (0, Response::Items(fetched)) = (self.left, &mut self.response) {
            fetched.literal_ends();
        }
    }

    fn end(&mut self, last: Time, limit: usize) {
        self.is_open = false;
        if let Response::Items(fetched) = std::mem::take(&mut self.response)
            && self.done.len() < limit
        {
            self.done.push(Tried { fetched, octets: self.octets, times: (self.first, last) });
        }
    }
}
