//! ENVELOPE (RFC 3501 §7.4.2): who wrote a message, and its Message-ID.

use crate::head::msg_id;

/// The place of the addresses of `From` among the fields.
const FROM: usize = 2;
/// The place of the Message-ID.
const MESSAGE_ID: usize = 9;
/// The places of mailbox and host in an address.
const MAILBOX: usize = 2;
const HOST: usize = 3;

/// Reads an ENVELOPE, token by token.
#[derive(Default)]
pub(super) struct EnvelopeReader {
    depth: usize,
    field: usize,
    /// The place in the address that is being read.
    part: usize,
    mailbox: Option<Box<[u8]>>,
    host: Option<Box<[u8]>>,
    /// The first address in `From`.
    pub(super) sender: Option<String>,
    /// The Message-ID.
    pub(super) message_id: Option<Box<[u8]>>,
}

impl EnvelopeReader {
    /// A list begins.
    pub(super) fn open(&mut self) {
        self.depth += 1;
        if self.depth == 3 {
            (self.part, self.mailbox, self.host) = (0, None, None);
        }
    }

    /// A list ends; whether it was the ENVELOPE itself.
    pub(super) fn close(&mut self) -> bool {
        self.depth = self.depth.saturating_sub(1);
        match self.depth {
            1 => self.field += 1,
            2 => self.end_address(),
            _ => {}
        }
        self.depth == 0
    }

    /// A string, or `None` for NIL and for one that is too long.
    pub(super) fn string(&mut self, text: Option<&[u8]>) {
        let copy = || text.filter(|text| !text.is_empty()).map(Box::from);
        match self.depth {
            1 => {
                if self.field == MESSAGE_ID {
                    self.message_id = text.and_then(msg_id).map(Box::from);
                }
                self.field += 1;
            }
            3 if self.field == FROM => {
                match self.part {
                    MAILBOX => self.mailbox = copy(),
                    HOST => self.host = copy(),
                    _ => {}
                }
                self.part += 1;
            }
            _ => {}
        }
    }

    fn end_address(&mut self) {
        // A group (RFC 5322 §3.4) has a mailbox without a host before its members.
        if let (FROM, None, Some(mailbox), Some(host)) =
            (self.field, &self.sender, self.mailbox.take(), self.host.take())
        {
            if stands_for_nothing(&mailbox, &host) {
                return;
            }
            let (mailbox, host) = (String::from_utf8_lossy(&mailbox), String::from_utf8_lossy(&host));
            self.sender = Some(format!("{mailbox}@{host}"));
        }
    }
}

/// Whether the server puts these in the place of what the field does not have: Dovecot, UW IMAP and Cyrus IMAP do, for an address
/// without a domain, without a mailbox, or that is none.
fn stands_for_nothing(mailbox: &[u8], host: &[u8]) -> bool {
    let hosts: [&[u8]; 2] = [b"MISSING_DOMAIN", b"unspecified-domain"];
    let mailboxes: [&[u8]; 1] = [b"MISSING_MAILBOX"];
    host.first() == Some(&b'.') || hosts.contains(&host) || mailboxes.contains(&mailbox)
}
