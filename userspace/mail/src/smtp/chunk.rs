//! Chunks (RFC 3030): octets that follow their command at once, whatever the server says to it.

use super::{Command, Event, Mode, Pending, Smtp, Tell, Verb};

impl Smtp {
    /// All octets of a chunk were read.
    pub(super) fn chunk_ended(&mut self, last: bool) {
        self.mode = Mode::Command;
        if last {
            let done = self.chunks.take().map(|head| Box::new(head.finish()));
            // The BDAT or BURL is the last command read; its reply may have come already, and then nothing waits for the head.
            if let Some(Pending::Command {
                command: Command { verb: Verb::Bdat { .. } | Verb::Burl { .. }, .. },
                head,
                ..
            }) = self.pending.back_mut()
            {
                *head = done;
            }
        }
    }

    /// Tells the commands that no reply has come to yet, since octets of a chunk follow them, or are fetched.
    pub(super) fn tell_commands(&mut self, tell: Tell<'_>) {
        let first = self.pending.partition_point(Pending::is_told);
        for pending in self.pending.range_mut(first..) {
            if let Pending::Command { command, told: told @ false, .. } = pending {
                *told = true;
                if command.verb != Verb::Auth {
                    tell(Event::Command(command));
                }
            }
        }
    }
}
