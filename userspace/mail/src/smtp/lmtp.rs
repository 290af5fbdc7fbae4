//! LMTP (RFC 2033): a session of SMTP that begins with LHLO, where the server answers the end of a message once for each
//! recipient that it accepted (§4.2), in their order.

use super::{Answered, Command, Event, Fate, Pending, Reply, Smtp, Tell, Verb};

/// What became of a message so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lmtp {
    /// Recipients that the server accepted.
    recipients: u32,
    /// How many of them were answered for.
    answered: u32,
    accepted: bool,
    unknown: bool,
    /// The reply to a RCPT was lost: how many recipients there are is not known.
    is_unsure: bool,
}

impl Lmtp {
    fn add(&mut self, fate: Fate) {
        self.answered = self.answered.saturating_add(1);
        self.accepted |= fate == Fate::Accepted;
        self.unknown |= fate == Fate::Unknown;
    }
}

impl Smtp {
    /// What the answer to a command says of the recipients.
    pub(super) fn lmtp_answered(&mut self, command: &Command, reply: Option<&Reply>) {
        let is_positive = reply.is_none_or(Reply::is_positive);
        match (&command.verb, &mut self.lmtp) {
            (Verb::Hello, lmtp) if is_positive => *lmtp = is_lhlo(command).then(Lmtp::default),
            (Verb::Mail(_) | Verb::Rset, Some(lmtp)) if is_positive => *lmtp = Lmtp::default(),
            (Verb::Rcpt(_), Some(lmtp)) if is_positive => {
                lmtp.recipients = lmtp.recipients.saturating_add(1);
                lmtp.is_unsure |= reply.is_none();
            }
            _ => {}
        }
    }

    /// Takes a reply to the end of a message, if others to it follow.
    pub(super) fn is_answer_for_one(&mut self, reply: &Reply, tell: Tell<'_>) -> bool {
        let Some(lmtp) = &mut self.lmtp else { return false };
        let transaction = match self.pending.front() {
            Some(Pending::EndOfData { transaction, head: Some(_), .. }) => *transaction,
            Some(Pending::Command { command, .. }) if is_last_chunk(&command.verb) => command.transaction,
            _ => return false,
        };
        if lmtp.is_unsure {
            // How many replies are still to come nobody can say.
            self.doubt_answers();
            return false;
        }
        if lmtp.answered.saturating_add(1) >= lmtp.recipients {
            return false;
        }
        let (number, fate) = (lmtp.answered, super::answer::fate(Some(reply)));
        lmtp.add(fate);
        let to = match self.pending.front_mut() {
            Some(Pending::Command { command, told, .. }) => {
                if !std::mem::replace(told, true) {
                    tell(Event::Command(command));
                }
                Answered::Command(command)
            }
            _ => Answered::EndOfData { transaction },
        };
        tell(Event::Reply { to, reply: Some(reply) });
        tell(Event::Recipient { transaction, number, fate });
        true
    }

    /// What became of a message by its last reply, which was told: one to the last recipient, or to all.
    pub(super) fn message_fate(&mut self, transaction: u32, reply: Option<&Reply>, tell: Tell<'_>) -> Fate {
        let fate = super::answer::fate(reply);
        let Some(mut lmtp) = self.lmtp.replace(Lmtp::default()) else {
            self.lmtp = None;
            return fate;
        };
        // Who was not answered for may be anybody.
        let is_missing = lmtp.is_unsure || (reply.is_none() && lmtp.recipients > 1);
        if !is_missing {
            tell(Event::Recipient { transaction, number: lmtp.answered, fate });
        }
        lmtp.add(fate);
        match lmtp {
            Lmtp { accepted: true, .. } if !is_missing => Fate::Accepted,
            Lmtp { accepted: false, unknown: false, .. } if !is_missing => Fate::Refused,
            _ => Fate::Unknown,
        }
    }

    /// What became of a message whose last replies never come.
    pub(super) fn fate_at_end(&mut self) -> Fate {
        let is_begun = self.lmtp.replace(Lmtp::default()).is_some_and(|lmtp| lmtp.answered > 0);
        if is_begun { Fate::Unknown } else { Fate::BrokenOff }
    }
}

fn is_last_chunk(verb: &Verb) -> bool {
    matches!(verb, Verb::Bdat { last: true, .. } | Verb::Burl { last: true })
}

fn is_lhlo(command: &Command) -> bool {
    command.line.text().trim_ascii_start().get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"LHLO"))
}
