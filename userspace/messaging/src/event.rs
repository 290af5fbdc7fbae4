//! What a messaging system says.

use std::fmt;

use bytes::Bytes;
use writ_intercept::messaging::{Category, MessageEvent, Party, Property, Qualifier, Status, Trigger};
use writ_wire::Time;

use crate::cover::Role;

/// One thing that it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Something happened.
    Event(Box<Event>),
    /// More content of something that happened.
    Piece(Box<Piece>),
}

impl Item {
    /// Octets of content in it.
    pub fn content_octets(&self) -> usize {
        match self {
            Self::Event(event) => {
                let parts: usize = event.contents.iter().map(|part| part.octets.len()).sum();
                parts + event.original_message.as_ref().map_or(0, Bytes::len)
            }
            Self::Piece(piece) => match &piece.body {
                PieceBody::Part(part) => part.octets.len(),
                PieceBody::Rtp(rtp) => rtp.runs.iter().map(|run| run.octets.len()).sum(),
            },
        }
    }
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// What its system calls it, and no other event: one that comes again is the same.
    pub id: String,
    /// It was said before, and content of it was refused since: it is told anew.
    pub is_again: bool,
    /// When it happened.
    pub time: Time,
    /// `system-identifier`
    pub system: String,
    /// What its system calls the logical sequence that it belongs to, as a call or a web session.
    pub session: Option<String>,
    /// `box-identifier`
    pub box_identifier: Option<String>,
    /// `category`
    pub category: Option<Category>,
    /// `status`
    pub status: Status,
    /// `trigger`
    pub trigger: Trigger,
    /// `party-information`
    pub parties: Vec<Party>,
    /// `properties`
    pub properties: Vec<Property<String, String>>,
    /// `original-message`
    pub original_message: Option<Bytes>,
    /// `total-recipient-count`
    pub total_recipients: Option<u32>,
    /// Its contents, or the first pieces of them.
    pub contents: Vec<Part>,
}

impl Event {
    /// Whether it is what somebody who takes part in this way does with his own box: whoever acts, and not towards another.
    pub(crate) fn is_access_of(&self, role: Role) -> bool {
        let is_access = matches!(
            self.category,
            Some(
                Category::Message(MessageEvent::Retrieve | MessageEvent::Delete | MessageEvent::Save)
                    | Category::Box(_)
            )
        );
        let is_towards = |party: &Party| party.qualifier == Qualifier::Terminating;
        is_access && role == Role::Acts && !self.parties.iter().any(is_towards)
    }
}

/// A content, or a piece of one.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// `content-identifier`
    pub identifier: Option<u32>,
    /// `content-type`
    pub content_type: String,
    /// `content-transfer-encoding`
    pub transfer_encoding: Option<String>,
    /// `sequence-number` and `end-of-sequence`, of a piece.
    pub sequence: Option<(u32, bool)>,
    /// `content`
    pub octets: Bytes,
}

impl Part {
    /// What it is called among the contents of its event.
    pub(crate) fn name(&self) -> Vec<u8> {
        let number = |number: Option<u32>| number.map_or([0; 5], |number| marked(1, number));
        [&b"part"[..], &number(self.identifier), &number(self.sequence.map(|(number, _)| number))].concat()
    }
}

fn marked(mark: u8, number: u32) -> [u8; 5] {
    let [a, b, c, d] = number.to_le_bytes();
    [mark, a, b, c, d]
}

/// More content of an event.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    /// The event's `id`.
    pub of: String,
    /// When it was captured.
    pub time: Time,
    /// The event's `system`.
    pub system: String,
    /// The content.
    pub body: PieceBody,
}

impl Piece {
    /// What it is called among the contents of its event.
    pub(crate) fn name(&self) -> Vec<u8> {
        match &self.body {
            PieceBody::Part(part) => part.name(),
            PieceBody::Rtp(rtp) => rtp.name(),
        }
    }
}

/// What a piece is of.
#[derive(Clone, PartialEq, Eq)]
pub enum PieceBody {
    /// A content that comes in pieces, each with its number.
    Part(Part),
    /// A leg of a call (clause 8.1, table 6).
    Rtp(RtpPiece),
}

/// RTP packets of one leg of the call between a user and the system.
#[derive(Clone, PartialEq, Eq)]
pub struct RtpPiece {
    /// Sent by the user; else by the system.
    pub from_user: bool,
    /// The number of this piece of the leg, from 0.
    pub number: u32,
    /// The leg has ended.
    pub is_last: bool,
    /// Payloads, extracted.
    pub runs: Vec<RtpRun>,
}

impl RtpPiece {
    /// What it is called among the pieces of its call.
    pub(crate) fn name(&self) -> Vec<u8> {
        [&b"leg"[..], &marked(u8::from(self.from_user), self.number)].concat()
    }
}

/// Payloads of one type, in their order.
#[derive(Clone, PartialEq, Eq)]
pub struct RtpRun {
    /// The MIME type that their payload type stands for.
    pub content_type: String,
    /// The payloads.
    pub octets: Bytes,
}

// All of these hold identities and content.
macro_rules! opaque {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}
opaque!(Event, Part, Piece, RtpPiece, RtpRun);

impl fmt::Debug for PieceBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PieceBody(..)")
    }
}
