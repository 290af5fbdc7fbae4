//! Command lines that end with a bare LF. To a server that follows RFC 5321 §2.3.8 they go on up to the next CR LF, and are
//! answered once; to others each is a line. Which it is shows where a line stands alone and is answered: then the server
//! takes LF. Where more stands behind it before the server has spoken, nobody knows what is a command, and it is as after
//! octets that were not captured.

use super::{Pending, Reply, Smtp};
use crate::line::Line;

/// What is known of bare LF.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare {
    /// No line has ended so.
    Unknown,
    /// The last line did, and the server has not spoken since.
    Open,
    /// The server takes it for the end of a line.
    Taken,
}

impl Smtp {
    /// A line of the client was read.
    pub(super) fn line_ended(&mut self, line: &Line) {
        let is_bare = line.octets.ends_with(b"\n") && !line.octets.ends_with(b"\r\n");
        // Without a server there is nothing that could tell.
        if is_bare && self.bare == Bare::Unknown && self.server_began {
            self.bare = Bare::Open;
        }
    }

    /// The client goes on, or has done so.
    pub(super) fn goes_on_behind_bare(&mut self) {
        if self.bare != Bare::Open {
            return;
        }
        self.bare = Bare::Unknown;
        if let Some(Pending::Command { command, .. }) = self.pending.back_mut() {
            command.is_certain = false;
        }
        if let Some(exchange) = &mut self.auth {
            exchange.doubt();
        }
        self.unprove(0);
    }

    /// The server speaks.
    pub(super) fn answered_bare(&mut self, reply: &Reply) {
        if self.bare != Bare::Open {
            return;
        }
        if !self.stalled.is_empty() {
            self.goes_on_behind_bare();
            return;
        }
        let is_alone = self.pending.len() == 1 && self.owed == 0 && self.unproven.is_none();
        self.bare = if is_alone && reply.code != 421 { Bare::Taken } else { Bare::Unknown };
    }
}
