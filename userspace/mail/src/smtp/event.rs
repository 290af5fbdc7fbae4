//! What the SMTP machine says.

use writ_wire::{Direction, Time};

use super::command::Command;
use super::reply::Reply;
use crate::head::Head;
use crate::line::At;
use crate::sasl::{Exchange, Outcome};

/// One thing that happened in an SMTP session.
///
/// The order is that of the dialogue: a command is told with its reply after it, also where several commands crossed the
/// wire before the first reply did. Only the octets of a chunk (RFC 3030) that the client sent ahead of replies are told
/// before these, and the commands up to the chunk with them; so are those up to a BURL (RFC 4468), which the server acts on
/// before it answers.
// No `Debug`: some of them are content.
pub enum Event<'a> {
    /// The server's first reply, RFC 5321 §3.1.
    Greeting(&'a Reply),
    /// A command, once for each. AUTH is told by [`Event::Auth`] instead.
    Command(&'a Command),
    /// The reply to a command, or `None` where it was not seen.
    Reply {
        /// What it answers.
        to: Answered<'a>,
        /// The reply.
        reply: Option<&'a Reply>,
    },
    /// Octets of a message as they crossed the wire: dot-stuffed and with the ending line for DATA, a chunk for BDAT.
    Body {
        /// The transaction.
        transaction: u32,
        /// The packet that carried them, and where they stand in the stream.
        at: At,
        /// The octets.
        octets: &'a [u8],
    },
    /// What became of a message for one of its recipients, where the server answers for each (LMTP, RFC 2033 §4.2). Those that
    /// it does not answer for share the fate of the message.
    Recipient {
        /// The transaction.
        transaction: u32,
        /// Which of the recipients that the server accepted, from 0 on.
        number: u32,
        /// What became of it: [`Fate::Accepted`], [`Fate::Refused`] or [`Fate::Unknown`].
        fate: Fate,
    },
    /// A message was sent whole, or its sending was broken off, and what the server said of it is known or never will be.
    Message {
        /// The transaction.
        transaction: u32,
        /// The time of the reply, or that of its being given up.
        time: Time,
        /// What became of it.
        fate: Fate,
        /// What was read of its head.
        head: &'a Head,
    },
    /// An attempt to log in, RFC 4954.
    Auth {
        /// All that was said.
        exchange: &'a Exchange,
        /// What the server said of it.
        outcome: Outcome,
        /// The reply's code; 0 where none was seen.
        code: u16,
    },
    /// From here on the session is encrypted (RFC 3207, RFC 8314, or a security layer of RFC 4422), and nothing more is told.
    Dark,
    /// Octets were not captured. Where `transaction` is given they belong to its message.
    Lost {
        /// Who sent them.
        from: Direction,
        /// When that was found out.
        time: Time,
        /// How many.
        octets: u64,
        /// The transaction whose message they are of.
        transaction: Option<u32>,
    },
    /// Something that RFC 5321 does not allow, or that cannot be made sense of.
    Anomaly(Anomaly),
}

/// What a reply answers.
#[derive(Clone, Copy, Debug)]
pub enum Answered<'a> {
    /// A command.
    Command(&'a Command),
    /// The end of a message sent with DATA.
    EndOfData {
        /// The transaction.
        transaction: u32,
    },
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server took it (2yz).
    Accepted,
    /// The server refused it.
    Refused,
    /// The server's answer was not captured.
    Unknown,
    /// The connection ended, or the client gave up, before an answer.
    BrokenOff,
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anomaly {
    /// A command line longer than the limit.
    LongLine,
    /// A line that is no command.
    UnknownCommand,
    /// A line of the server without a reply code.
    StrayServerLine,
    /// A reply to nothing.
    UnaskedReply,
    /// More unanswered commands, or octets ahead of a reply, than the limit.
    TooFarAhead,
    /// A message that ended with a bare LF.
    BareLfEnd,
}

impl Anomaly {
    /// Every kind there is.
    pub const ALL: [Self; 6] = [
        Self::LongLine,
        Self::UnknownCommand,
        Self::StrayServerLine,
        Self::UnaskedReply,
        Self::TooFarAhead,
        Self::BareLfEnd,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::LongLine => "long_line",
            Self::UnknownCommand => "unknown_command",
            Self::StrayServerLine => "stray_server_line",
            Self::UnaskedReply => "unasked_reply",
            Self::TooFarAhead => "too_far_ahead",
            Self::BareLfEnd => "bare_lf_end",
        }
    }
}
