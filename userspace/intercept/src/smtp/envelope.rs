//! Whose a transaction is: MAIL and RCPT, and what the server said to them (annex A.2.2, A.2.3).

use std::sync::Arc;

use writ_mail::head::Head;
use writ_mail::smtp::{Command, Path, Reply};
use writ_wire::Time;

use super::Follow;
use super::transaction::{Cause, Transaction};
use crate::context::Context;
use crate::warrant::Warrant;

impl Follow {
    /// MAIL was told: a transaction begins, if the server takes it. Gives its place.
    pub(super) fn mail(&mut self, command: &Command, path: &Path, ctx: &mut Context<'_>) -> Option<usize> {
        if self.ended {
            return None;
        }
        self.look_up_client(ctx);
        let mut found = Vec::new();
        if command.is_certain {
            ctx.index.by_path(&path.address(), ctx.settings.domain_at(self.server), &mut found);
        }
        // What the client sends is the client's, whatever name it gives. It hangs on the reply as well: chunks can come
        // before that.
        for cover in self.covers.iter().filter(|cover| cover.is_whole()) {
            if !found.iter().any(|known| Arc::ptr_eq(known, &cover.warrant)) {
                found.push(Arc::clone(&cover.warrant));
            }
        }
        let mut new = Transaction::new(command.transaction, command.line.first, &path.mailbox);
        new.envelope_told(&Cause::Sender, found);
        if !command.is_certain {
            new.doubt(&self.covers);
        }
        self.transactions.push_back(new);
        Some(self.transactions.len() - 1)
    }

    /// RCPT was told.
    pub(super) fn rcpt(&mut self, command: &Command, path: &Path, ctx: &mut Context<'_>) -> Option<usize> {
        let at = self.place_of(command.transaction)?;
        let mut found = Vec::new();
        if command.is_certain {
            ctx.index.by_path(&path.address(), ctx.settings.domain_at(self.server), &mut found);
        }
        self.transactions.get_mut(at)?.envelope_told(&Cause::Recipient(path.mailbox.clone()), found);
        Some(at)
    }

    pub(super) fn mail_accepted(&mut self, command: &Command, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        let serial = command.transaction;
        // The server took a new MAIL, so what was open before is over.
        self.abandon_up_to(serial.wrapping_sub(1), command.line.last, ctx);
        let Some(open) = self.place_of(serial) else { return };
        let (first, answered) = (command.line.first, reply.map_or(command.line.last, |reply| reply.last));
        for (cause, warrant) in self.settled(open) {
            if !warrant.covers(first) || !warrant.covers(answered) {
                continue;
            }
            let cover = self.covers.place(&warrant);
            if let Some(cover) = self.covers.get_mut(cover) {
                cover.by_sender = true;
            }
            self.begin(cover, ctx);
            if let Some(open) = self.transactions.get_mut(open) {
                open.matched(cover, cause, false);
            }
        }
        self.reply_octets(serial, reply, ctx);
    }

    pub(super) fn mail_refused(&mut self, command: &Command, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        self.reply_octets(command.transaction, reply, ctx);
        let Some(at) = self.place_of(command.transaction) else { return };
        let settled = self.settled(at);
        let Some(mut refused) = self.transactions.remove(at) else { return };
        match at.checked_sub(1).and_then(|before| self.transactions.get_mut(before)) {
            // RFC 5321 §4.1.4: a nested MAIL; the transaction before it goes on.
            Some(open) if command.is_certain => open.absorb(refused, &mut self.covers, ctx),
            Some(_) => refused.release(ctx),
            None => {
                for (cause, warrant) in settled {
                    if warrant.report_failed_sends {
                        let cover = self.covers.place(&warrant);
                        refused.matched(cover, cause, false);
                    }
                }
                let time = reply.map_or(command.line.last, |reply| reply.last);
                self.tell_failed(&refused, time, &Head::default(), ctx);
                refused.release(ctx);
            }
        }
    }

    pub(super) fn rcpt_answered(
        &mut self,
        command: &Command,
        mailbox: &str,
        accepted: bool,
        reply: Option<&Reply>,
        ctx: &mut Context<'_>,
    ) {
        let Some(at) = self.place_of(command.transaction) else { return };
        let settled = self.settled(at);
        let Some(open) = self.transactions.get_mut(at) else { return };
        open.refused |= !accepted;
        if accepted {
            // 251 and 252 take the message without knowing the mailbox: it goes on elsewhere (RFC 5321 §3.4, §3.5.3).
            let elsewhere = reply.is_some_and(|reply| matches!(reply.code, 251 | 252));
            open.add_recipient(mailbox, elsewhere);
            let is_here = !elsewhere && ctx.settings.is_delivered_here(mailbox);
            let answered = reply.map_or(command.line.last, |reply| reply.last);
            for (cause, warrant) in settled {
                if warrant.covers(open.first) && warrant.covers(answered) {
                    let cover = self.covers.place(&warrant);
                    open.matched(cover, cause, is_here);
                }
            }
        }
        self.reply_octets(command.transaction, reply, ctx);
        if let Some(open) = self.transactions.get_mut(at) {
            open.flush(&mut self.covers, ctx);
        }
    }

    pub(super) fn data_answered(&mut self, command: &Command, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        let go_ahead = reply.is_none_or(Reply::is_intermediate);
        self.reply_octets(command.transaction, reply, ctx);
        if let Some(open) = self.place_of(command.transaction).and_then(|at| self.transactions.get_mut(at)) {
            if go_ahead {
                open.close_envelope(&mut self.covers, ctx);
            } else {
                open.refused = true;
            }
        }
    }

    /// The warrants that hang on the oldest command of a transaction's envelope that is not answered yet.
    fn settled(&mut self, at: usize) -> Vec<(Cause, Arc<Warrant>)> {
        self.transactions.get_mut(at).map(Transaction::envelope_answered).unwrap_or_default()
    }

    /// The transactions up to this one ended without a message: RSET, a new HELO, QUIT, the next MAIL. Those after it stand
    /// in commands that the server has not answered yet.
    pub(super) fn abandon_up_to(&mut self, serial: u32, time: Time, ctx: &mut Context<'_>) {
        while let Some(open) = self.transactions.pop_front_if(|open| serial.wrapping_sub(open.serial) <= u32::MAX / 2) {
            self.abandon(open, time, ctx);
        }
    }

    /// All of them did: the connection is over.
    pub(super) fn abandon_all(&mut self, time: Time, ctx: &mut Context<'_>) {
        while let Some(open) = self.transactions.pop_front() {
            self.abandon(open, time, ctx);
        }
    }

    fn abandon(&mut self, mut open: Transaction, time: Time, ctx: &mut Context<'_>) {
        open.tell_missing(&mut self.covers, ctx, time);
        // A client that changes its mind before anything was refused, or sent, tried nothing.
        if open.refused || open.content_begun {
            self.tell_failed(&open, time, &Head::default(), ctx);
        }
        open.release(ctx);
    }
}
