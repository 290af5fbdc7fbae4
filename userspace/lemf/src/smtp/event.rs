//! What is found in a session.

/// The end of the connection that sent something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that sends commands.
    Client,
    /// The one that replies.
    Server,
}

/// What the reader found, in order. It has no `Debug`, which would show the mail.
#[derive(PartialEq, Eq)]
pub enum SmtpEvent<'a> {
    /// A command or a reply without its line end, or a part of one that is too long.
    Line {
        /// Who sent it.
        side: Side,
        /// The octets.
        octets: &'a [u8],
    },
    /// A message begins. Messages are counted from 0 within the session.
    Begin {
        /// Which message.
        message: u64,
        /// Who sends it.
        side: Side,
    },
    /// Octets of the message that began last, as the sender had them before transport.
    Octets(&'a [u8]),
    /// The message has all its octets.
    Complete(u64),
    /// What began last was a part of a message: of one that is asked for in parts (POP3, IMAP4), or of which octets are missing.
    Part(u64),
    /// The message that began last will not become complete.
    Abandoned(u64),
    /// The server answered a complete message, or refused one on the way.
    Answered {
        /// Which message.
        message: u64,
        /// Whether it was accepted (a reply of the 200s).
        accepted: bool,
    },
}

/// Who receives what is found.
pub type Sink<'s> = &'s mut dyn FnMut(SmtpEvent<'_>);
