//! Lines that are no commands: what stands in the place of one, responses of a login, and what is passed over.

use writ_wire::Direction::FromClient;

use super::{Mode, to_line_end};
use crate::access::{Event, Tell};
use crate::imap::Imap;
use crate::imap::span::Span;

impl Imap {
    /// Reads a line that is no command, but nothing secret either.
    pub(super) fn read_line(&mut self, here: Span, octets: &[u8], tell: Tell<'_>) -> usize {
        let (read, ends) = to_line_end(octets);
        here.tell(FromClient, octets.get(..read).unwrap_or_default(), tell);
        if ends {
            self.client.go_on();
        }
        read
    }

    /// Reads a line of a login: a response to a challenge, or what may be a password in the wrong place.
    pub(super) fn read_secret(&mut self, here: Span, octets: &[u8], tell: Tell<'_>) -> usize {
        let (read, ends) = to_line_end(octets);
        self.count_client(read);
        self.put_client(here, octets.get(..read).unwrap_or_default(), tell);
        if ends {
            match self.current_attempt().and_then(|attempt| attempt.literal_after_loss()) {
                Some(literal) => self.literal_announced(literal, here.time, tell),
                None => self.command_sent(here.time, tell),
            }
        }
        read
    }

    /// Passes over the rest of a line of which it is not known what it is.
    pub(super) fn read_dropped(&mut self, here: Span, octets: &[u8], tell: Tell<'_>) -> usize {
        let (read, ends) = to_line_end(octets);
        self.client.dropped += read as u64;
        if ends {
            let octets = std::mem::take(&mut self.client.dropped);
            if !self.client.is_silent {
                tell(Event::Lost { from: FromClient, time: here.time, octets, in_literal: false });
            }
            self.client.mode = Mode::Head;
        }
        read
    }
}
