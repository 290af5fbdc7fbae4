//! Mailbox access: what is said of a session of POP3 (RFC 1939) and of IMAP4 (RFC 3501, RFC 9051), in one vocabulary.
//!
//! Both protocols are read by a machine of their own ([`crate::pop3`], [`crate::imap`]); both log in to one mailbox, transfer
//! messages, and log off, and TS 102 232-2 treats them alike (annexes B and C). What follows a session needs no more than
//! [`Machine`] and [`Event`].

mod held;
mod login;

use std::fmt;
use std::ops::Range;

use writ_wire::{Direction, Time};

use crate::line::At;
pub(crate) use held::Held;
pub use login::{Clear, Login, Scheme, Spoken};

/// Where events go.
pub type Tell<'t> = &'t mut dyn FnMut(Event<'_>);

/// A protocol's machine: octets of both directions in, in the order in which the ends saw them; events out.
///
/// What it says does not depend on how the octets were cut.
pub trait Machine {
    /// Reads octets of the client.
    fn client(&mut self, at: At, octets: &[u8], tell: Tell<'_>);
    /// Reads octets of the server.
    fn server(&mut self, at: At, octets: &[u8], tell: Tell<'_>);
    /// `octets` of one direction were never captured; the stream goes on after them.
    fn gap(&mut self, from: Direction, time: Time, octets: u64, tell: Tell<'_>);
    /// The connection ended, however it did: tells what stays without an answer.
    fn close(&mut self, time: Time, tell: Tell<'_>);
    /// Whether the session went dark.
    fn is_dark(&self) -> bool;
    /// Whether every octet that was read has been told of, so that nothing that is still to come can change what they are.
    fn is_quiet(&self) -> bool;
    /// Octets of memory that the session takes, about, besides what every session does.
    fn held(&self) -> usize;
}

/// Whether a security layer (RFC 4422 §3.7) begins behind a login: all that follows is then in buffers, each with its length before
/// it in four octets, of which the first is 0. No response begins so, and no command that a server takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Layer {
    /// None does.
    #[default]
    None,
    /// The login was just accepted, and its mechanism has layers.
    MayBegin,
    /// The client's next octet was 0; the server's will tell.
    ClientBegan,
}

/// One thing that happened.
///
/// Every octet of either side that was read, the server's greeting included, is told once: in [`Event::Octets`], or in the steps
/// of an [`Event::Login`]. What a proxy says before the session is not. Whose the octets are changes only with [`Event::Login`] and
/// [`Event::LoggedOut`]: after a command that can change it, the client's next octets are not read before the server has answered it,
/// unless [`Event::Ahead`] says so.
// No `Debug`: some of them are content.
pub enum Event<'a> {
    /// The server's greeting was read: its octets come before this, and are of no interaction. With the IMAP4 greeting
    /// PREAUTH the session is logged in as somebody whom it does not name.
    Greeting {
        /// Whether it is PREAUTH.
        logged_in: bool,
        /// When.
        time: Time,
    },
    /// A list of what the server can do was read whole (CAPABILITY, RFC 3501 §7.2.1, or the response code).
    Capabilities {
        /// Whether one user can make room for the next on the connection (UNAUTHENTICATE, RFC 8437).
        unauthenticate: bool,
    },
    /// Too many octets of the client stand behind a login that is not answered (IMAP4): they are read and told from here on, and are of
    /// whoever that login lets in.
    Ahead,
    /// Octets of a command or of what answers it.
    Octets(Octets<'a>),
    /// An attempt to log in was answered, or never will be. Its octets are in its steps.
    Login(&'a Login),
    /// The session is nobody's again (UNAUTHENTICATE, RFC 8437); the octets of that command and its answer came before.
    LoggedOut(Closing),
    /// A message, or a part of one, was transferred.
    Transfer(&'a Transfer),
    /// Octets of what a URL names were sent (URLFETCH, RFC 4467 §7). They are told as octets of the session too.
    UrlContent(UrlContent<'a>),
    /// A command and all that answers it are over: every octet of them has been told. Told for each command, and for what the
    /// server says by itself while nothing but IDLE (RFC 2177) waits.
    Settled {
        /// When.
        time: Time,
    },
    /// The session was ended by the client (QUIT, LOGOUT) and the server's answer; their octets came before.
    Logoff(Closing),
    /// From here on the session is encrypted (RFC 2595, or a security layer of RFC 4422), and nothing more is told.
    Dark {
        /// Whether it is compressed, and cannot be inflated any more: nothing hides what is said in it but that.
        compressed: bool,
    },
    /// Octets were not captured.
    Lost {
        /// Who sent them.
        from: Direction,
        /// When that was found out.
        time: Time,
        /// How many.
        octets: u64,
        /// Whether all of them stand in a literal (RFC 3501 §4.3) of which the length is known, so that no command or response,
        /// and no beginning or end of one, is among them.
        in_literal: bool,
    },
    /// Something that the protocol does not allow, or that cannot be made sense of.
    Anomaly(Anomaly),
}

/// Octets of one packet, or of one that was held.
pub struct Octets<'a> {
    /// Who sent them.
    pub from: Direction,
    /// The time of the packet that carried them.
    pub time: Time,
    /// Where they stand in the stream, as they crossed the wire. As long as `octets`, unless these were inflated.
    pub wire: Range<u64>,
    /// Whether these were inflated (RFC 4978): what stands on the wire may hold other octets too.
    pub inflated: bool,
    /// The octets.
    pub octets: &'a [u8],
}

/// Octets of what a URL names.
pub struct UrlContent<'a> {
    /// The URL, as the server says it; up to 1,024 octets.
    pub url: &'a [u8],
    /// Octets of all that it names; of a quoted string that is longer than what is kept of it, more than come.
    pub size: u64,
    /// How many of them stand before these.
    pub at: u64,
    /// The time of the packet that carried them.
    pub time: Time,
    /// The octets.
    pub octets: &'a [u8],
}

/// A message, or a part of one, that the server sent or took.
#[derive(Clone, PartialEq, Eq)]
pub struct Transfer {
    /// What it is.
    pub kind: TransferKind,
    /// What the server said of it.
    pub result: TransferResult,
    /// Octets of the client for this transfer alone; those of a command that has several count with the first.
    pub client_octets: u64,
    /// Octets of the server for this transfer alone; those of the command's completion count with the last.
    pub server_octets: u64,
    /// The time of the packet with the command's first octet.
    pub first: Time,
    /// The time of the packet with the last octet of its answer.
    pub last: Time,
    /// The address in the message's `From` (RFC 5322 §3.6.2), or in its ENVELOPE.
    pub sender: Option<String>,
    /// `Message-ID`, or else `Resent-Message-ID`: the `msg-id` alone.
    pub message_id: Option<Box<[u8]>>,
}

// It names people.
impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer").field("kind", &self.kind).field("result", &self.result).finish_non_exhaustive()
    }
}

/// What kind of transfer: clause 6.4.1, table C.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferKind {
    /// The whole message was sent to the client.
    Download,
    /// A part of it was.
    PartialDownload,
    /// The client put a message into the mailbox.
    Upload,
}

/// What the server said of a transfer, or of the end of a session: clause 7.7, table C.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferResult {
    /// `+OK` or `OK`, and all of what was transferred was sent.
    Succeeded,
    /// `-ERR`, `NO` or `BAD`.
    Failed,
    /// It was not captured, or the connection ended before.
    Unknown,
}

/// The end of a session, or of a user's part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// What the server said of it; unknown where that was not seen.
    pub result: TransferResult,
    /// Octets of the command.
    pub client_octets: u64,
    /// Octets of what answers it.
    pub server_octets: u64,
    /// The time of the packet with the command's first octet.
    pub first: Time,
    /// The time of the packet with the last octet of the answer.
    pub last: Time,
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anomaly {
    /// A line longer than the limit.
    LongLine,
    /// A line that is no command.
    UnknownCommand,
    /// A line of the server that is no response.
    StrayServerLine,
    /// A response to nothing.
    UnaskedReply,
    /// More unanswered commands, or octets ahead of a response, than the limit.
    TooFarAhead,
    /// Lists nested deeper, or a compressed stream expanding further, than the limit.
    OverLimit,
    /// A compressed stream (RFC 4978) that cannot be inflated.
    BrokenCompression,
    /// A tag (RFC 3501 §2.2.1) of a command in flight used again: the response counts for the older one.
    TagReused,
}

impl Anomaly {
    /// Every kind there is.
    pub const ALL: [Self; 8] = [
        Self::LongLine,
        Self::UnknownCommand,
        Self::StrayServerLine,
        Self::UnaskedReply,
        Self::TooFarAhead,
        Self::OverLimit,
        Self::BrokenCompression,
        Self::TagReused,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::LongLine => "long_line",
            Self::UnknownCommand => "unknown_command",
            Self::StrayServerLine => "stray_server_line",
            Self::UnaskedReply => "unasked_reply",
            Self::TooFarAhead => "too_far_ahead",
            Self::OverLimit => "over_limit",
            Self::BrokenCompression => "broken_compression",
            Self::TagReused => "tag_reused",
        }
    }
}
