//! The recipients of a message who are targets: each may have an answer of its own (LMTP, RFC 2033 §4.2).

/// How many recipients of one warrant are told apart.
const MAX_TARGETS: usize = 64;

/// A recipient that is the target.
struct Target {
    /// Its place among all that the server accepted.
    number: u32,
    mailbox: Box<str>,
    /// Whether its mailbox is on the server.
    is_here: bool,
}

/// The recipients that are targets of a warrant.
pub(super) struct Receiver {
    /// At least one.
    targets: Vec<Target>,
    /// Whether those that are not told apart have their mailboxes on the server.
    others_here: bool,
    /// Whether there are such.
    has_others: bool,
    /// Whether what became of the message is not known for one of them, where the server answers for each.
    is_unknown: bool,
}

impl Receiver {
    pub(super) fn add(&mut self, number: u32, mailbox: Box<str>, is_here: bool) {
        let target = Target { number, mailbox, is_here };
        if self.targets.len() < MAX_TARGETS {
            self.targets.push(target);
        } else {
            self.has_others = true;
            self.others_here &= target.is_here;
        }
    }

    /// Whether the message reached the mailbox of each of them, by where they are.
    pub(super) fn is_here(&self) -> bool {
        !self.is_unknown && self.others_here && self.targets.iter().all(|target| target.is_here)
    }

    /// The first of them.
    pub(super) fn mailbox(&self) -> &str {
        self.targets.first().map_or("", |target| &target.mailbox)
    }

    /// The server took the message, and refused it for this one; whether none is left.
    pub(super) fn refused(&mut self, number: u32) -> bool {
        self.targets.retain(|target| target.number != number);
        self.targets.is_empty() && !self.has_others
    }

    /// What became of the message for this recipient is not known.
    pub(super) fn unknown(&mut self, number: u32) {
        self.is_unknown |= self.targets.iter().any(|target| target.number == number);
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self { targets: Vec::new(), others_here: true, has_others: false, is_unknown: false }
    }
}
