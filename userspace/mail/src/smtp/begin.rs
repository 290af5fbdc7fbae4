//! What the first that is seen of a client tells about the session.

use super::{Mode, Smtp, Tell, Verb};
use crate::line::Line;

impl Smtp {
    /// What the first octets of a client tell about the session.
    pub(super) fn first_octets(&mut self, octets: &[u8], tell: Tell<'_>) {
        // A TLS record: handshake (22) (RFC 8446 §5.1). No command starts so.
        if octets.first() == Some(&0x16) {
            if self.greeting_due {
                // A server of TLS does not greet; one of SMTP takes these octets for a command. Its first octet will tell.
                self.mode = Mode::Waiting;
                self.maybe_tls = true;
            } else if matches!(self.mode, Mode::Unsynced) {
                self.go_dark(tell);
            }
        }
    }

    /// The first line of a capture that began in mid-stream. It may be text, however it reads: a message of nothing but such
    /// lines begins with one wherever the capture does.
    pub(super) fn first_line(&mut self, line: Line, tell: Tell<'_>) {
        self.first_line_due = false;
        if line.cut == 0 && Verb::read(line.text()) != Verb::Unknown {
            self.mode = Mode::Command;
            self.resync = true;
            self.unprove(0);
            self.command(line, tell);
        }
    }
}
