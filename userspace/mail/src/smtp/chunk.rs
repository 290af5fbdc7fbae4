//! Chunks (RFC 3030): octets that follow their command at once, whatever the server says to it.

use super::{Command, Event, Mode, Pending, Reply, Smtp, Tell, Verb};

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

    /// A command that ends a message sent in chunks, if the server takes it.
    pub(super) fn shelve_chunks(&mut self) {
        if let Some(head) = self.chunks.take() {
            self.shelved = Some(head);
        }
    }

    /// The server said whether it does.
    pub(super) fn settle_shelved(&mut self, reply: Option<&Reply>) {
        let shelved = self.shelved.take();
        if reply.is_some_and(|reply| reply.code >= 400) && self.chunks.is_none() {
            self.chunks = shelved;
        }
    }

    /// A server that never offered to take chunks says that it knows no such command, or none there: to it the chunk is lines.
    /// Those that were read as a chunk are gone, and the replies to them come.
    pub(super) fn chunk_refused(&mut self, command: &Command, reply: Option<&Reply>) {
        let is_refused = reply.is_some_and(|reply| matches!(reply.code, 500..=503));
        if !is_refused || !matches!(command.verb, Verb::Bdat { .. }) || self.chunking == Some(true) {
            return;
        }
        if matches!(self.mode, Mode::Chunk { .. }) && self.pending.is_empty() {
            self.mode = Mode::Command;
            self.chunks = None;
        }
        self.doubt_answers();
        if self.unproven.is_none() {
            self.unprove(0);
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
