//! Clients that send every command with the same tag, which RFC 3501 §2.2.1 forbids and servers allow: where an answer was lost, the
//! ones after it may be taken for those of other commands.

use super::pending::{Pending, Queue, Tag};

/// What is known of a client's tags.
#[derive(Default)]
pub(super) struct Tags {
    last: Option<Tag>,
    /// Whether two commands in a row had the same.
    are_reused: bool,
    /// The tag of a command whose answer was not seen, and may still come, and the command.
    lost: Option<(Tag, u64)>,
}

impl Tags {
    /// A command begins: whether its answer may be taken for another's.
    pub(super) fn begins(&mut self, tag: &Tag) -> bool {
        self.are_reused |= self.last.as_ref() == Some(tag);
        self.last = Some(tag.clone());
        self.lost.as_ref().is_some_and(|(lost, _)| lost == tag)
    }

    /// Octets of the client were not captured: commands may be among them that are answered all the same. `next` is the first
    /// after them.
    pub(super) fn client_lost(&mut self, next: u64) {
        if let (true, Some(last)) = (self.are_reused, &self.last) {
            self.lost = Some((last.clone(), next));
        }
    }

    /// A command is over without its answer.
    pub(super) fn answer_lost(&mut self, pending: &Pending) {
        if !pending.is_stray() {
            self.lost = Some((pending.tag.clone(), pending.id));
        }
    }

    /// A tag came in a response: `id` is the oldest command that has it. Where that may have been answered before, and others
    /// have the tag too, nobody can say which of them this answers.
    pub(super) fn answered(&mut self, id: u64, queue: &mut Queue) {
        let Some(pending) = queue.get(id) else { return };
        let (tag, doubtful) = (pending.tag.clone(), pending.doubtful);
        if doubtful && queue.shift(&tag) {
            self.lost = Some((tag, id));
        }
    }

    /// It was one that has another tag: all that came before it were answered (RFC 3501 §5.5).
    pub(super) fn known_again(&mut self, id: u64, tag: &Tag) {
        self.lost.take_if(|(lost, of)| lost != tag && *of < id);
    }
}
