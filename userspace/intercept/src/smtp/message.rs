//! What is told of messages: `e-mail-send` and `e-mail-receive` (annex A.2.2, A.2.3).

use writ_mail::head::Head;
use writ_mail::smtp::Fate;
use writ_wire::Time;

use super::Follow;
use super::transaction::{Match, Transaction};
use crate::context::Context;
use crate::record::{IriType, MailEvent, SenderValidity, Status};

impl Follow {
    /// A message ended.
    pub(super) fn message(&mut self, serial: u32, time: Time, fate: Fate, head: &Head, ctx: &mut Context<'_>) {
        match fate {
            Fate::Accepted => ctx.counters.messages_accepted += 1,
            Fate::Refused => ctx.counters.messages_refused += 1,
            Fate::Unknown | Fate::BrokenOff => ctx.counters.messages_unsettled += 1,
        }
        self.tell_fetched(serial, time, true, ctx);
        let Some(mut open) = self.place_of(serial).and_then(|at| self.transactions.remove(at)) else { return };
        open.tell_missing(&mut self.covers, ctx, time);
        let head = open.urls.head(head);
        match fate {
            Fate::Accepted | Fate::Unknown => self.tell_message(&open, time, fate == Fate::Unknown, head, ctx),
            Fate::Refused | Fate::BrokenOff => self.tell_failed(&open, time, head, ctx),
        }
    }

    fn tell_message(&mut self, open: &Transaction, time: Time, unknown: bool, head: &Head, ctx: &mut Context<'_>) {
        for known in &open.matches {
            let target = known.as_recipient.as_ref();
            if known.as_sender {
                let status = if unknown { Status::Unknown } else { open.status(ctx, None) };
                self.tell_event(open, known, MailEvent::Send, status, time, head, ctx);
            }
            if known.refused_for {
                self.tell_refused(open, known, time, head, ctx);
            } else if target.is_some() {
                let status = if unknown { Status::Unknown } else { open.status(ctx, target) };
                self.tell_event(open, known, MailEvent::Receive, status, time, head, ctx);
            }
        }
    }

    /// The message was not accepted for the target, though it was for others (RFC 2033 §4.2).
    fn tell_refused(&mut self, open: &Transaction, known: &Match, time: Time, head: &Head, ctx: &mut Context<'_>) {
        if self.covers.get_mut(known.cover).is_some_and(|cover| cover.warrant.report_failed_sends) {
            self.tell_event(open, known, MailEvent::Receive, Status::Failed, time, head, ctx);
        }
    }

    /// Told only where the warrant asks for it: annex A.2.2, A.2.3.
    pub(super) fn tell_failed(&mut self, open: &Transaction, time: Time, head: &Head, ctx: &mut Context<'_>) {
        for known in &open.matches {
            if !self.covers.get_mut(known.cover).is_some_and(|cover| cover.warrant.report_failed_sends) {
                continue;
            }
            if known.as_sender {
                self.tell_event(open, known, MailEvent::Send, Status::Failed, time, head, ctx);
            }
            if known.as_recipient.is_some() {
                self.tell_event(open, known, MailEvent::Receive, Status::Failed, time, head, ctx);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one call makes one record; each argument is a column of table A.1")]
    fn tell_event(
        &mut self,
        open: &Transaction,
        known: &Match,
        event: MailEvent,
        status: Status,
        time: Time,
        head: &Head,
        ctx: &mut Context<'_>,
    ) {
        let Some(cover) = self.covers.get_mut(known.cover) else { return };
        let warrant = cover.warrant.clone();
        let (record_type, target) = match event {
            MailEvent::Send if cover.has_session() => (IriType::Continue, None),
            MailEvent::Send => (IriType::Report, None),
            _ => (IriType::Report, known.as_recipient.as_ref()),
        };
        let mut iri = self.covers.iri(record_type, event, status);
        open.describe(&mut iri, head, target);
        iri.sender_validity = match &self.login {
            None => Some(SenderValidity::NonValidated),
            Some(login) => login.validity(&warrant),
        };
        if event == MailEvent::Send {
            // Table 2 has no such field for a receipt: it would be that of somebody else.
            iri.aaa = self.login.as_ref().and_then(|login| login.told_under(&warrant));
        }
        self.covers.tell_iri(known.cover, ctx, open.first, time, iri);
    }
}
