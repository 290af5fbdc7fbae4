//! Lines of which the text says nothing, and how octets of responses are told.

use writ_wire::Direction::FromServer;

use super::State;
use crate::access::{Anomaly, Event, Tell};
use crate::imap::Imap;
use crate::imap::capability::CapabilityReader;
use crate::imap::client::to_line_end;
use crate::imap::pending::Kind;
use crate::imap::span::{Span, masked};

impl Imap {
    /// Tells of a list of capabilities that was read whole. Where lines are not known to be responses it may be anybody's.
    pub(super) fn read_capabilities(
        &mut self,
        mut reader: CapabilityReader,
        may_be_list: bool,
        octets: &[u8],
        tell: Tell<'_>,
    ) {
        if may_be_list {
            reader.push(octets);
        } else {
            reader.spoil();
        }
        if self.server.octets > 0 || !self.server.partial.is_empty() {
            self.server.capabilities = reader;
        } else if octets.ends_with(b"\n")
            && let Some(unauthenticate) = reader.end()
        {
            tell(Event::Capabilities { unauthenticate });
        }
    }

    /// Reads a go-ahead, or a line that tells nothing.
    pub(super) fn read_text(&mut self, here: Span, octets: &[u8], tell: Tell<'_>) -> usize {
        let (read, ends) = to_line_end(octets);
        self.server.octets += read as u64;
        here.tell(FromServer, octets.get(..read).unwrap_or_default(), tell);
        if ends {
            let (is_go_ahead, octets) = (self.server.state == State::GoAhead, self.server.octets);
            self.server.start_line();
            if is_go_ahead {
                match self.pending.back() {
                    Some(pending) => {
                        match &mut pending.kind {
                            Kind::Append(uploads) => uploads.count_server(octets),
                            _ => pending.server_octets += octets,
                        }
                        pending.last = here.time;
                    }
                    None => tell(Event::Anomaly(Anomaly::UnaskedReply)),
                }
                self.go_ahead(tell);
            }
        }
        read
    }

    /// Tells octets of a response; from `text` on overwritten, where that is given.
    pub(super) fn tell_response(&self, here: Span, octets: &[u8], text: Option<usize>, tell: Tell<'_>) {
        let (before, text) = octets.split_at_checked(text.unwrap_or(octets.len())).unwrap_or((octets, &[]));
        here.tell(FromServer, before, tell);
        here.plus(before.len()).tell(FromServer, &masked(text), tell);
    }

    /// Passes over the rest of a line.
    pub(super) fn pass_over(&mut self, here: Span, octets: &[u8], tell: Tell<'_>) -> usize {
        let (read, ends) = to_line_end(octets);
        self.server.dropped += read as u64;
        if ends {
            let octets = std::mem::take(&mut self.server.dropped);
            tell(Event::Lost { from: FromServer, time: here.time, octets, in_literal: false });
            self.server.start_line();
        }
        read
    }
}
