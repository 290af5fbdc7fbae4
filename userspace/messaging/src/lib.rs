//! Unified messaging (TS 102 232-2 clause 8): what a messaging system says has happened in, IRI and CC records out.
//!
//! ```text
//! octets ─► json ─► Item ─► cover ─► take ─► records
//!                   event,  whose    CIN, event-identifier,
//!                   piece            what the warrant lets go
//! ```
//!
//! Pure: no I/O and no clock. What is covered is decided by the time that an event says it happened; what is kept, and for how
//! long, by the time at which it came, which the caller tells.

mod content;
mod counters;
mod cover;
mod direction;
pub mod event;
mod json;
mod live;
mod repeated;
mod rtp;
mod sequence;
mod settings;
mod succession;
mod take;
mod time;

pub use counters::Counters;
pub use cover::{Cover, Covered, Role};
pub use event::{Event, Item, Part, Piece, PieceBody};
pub use json::{Malformed, OPENAPI, read};
pub use repeated::{Key, Told};
pub use settings::Settings;
pub use take::{Messaging, Taken};
