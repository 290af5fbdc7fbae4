//! Warrants, the target index, and the sessions that they cover: mail events in, IRI and CC records out.
//!
//! Pure: no I/O and no clock; what is decided is decided by the time of the packets. Nothing here knows how a record is
//! encoded.

mod access;
pub mod address;
mod context;
pub mod counters;
mod cover;
mod dark;
mod forward;
pub mod index;
mod interception;
pub mod messaging;
mod packets;
pub mod record;
mod session;
pub mod settings;
mod smtp;
mod told;
pub mod warrant;

pub use context::{CinSource, Context};
pub use counters::Counters;
pub use index::TargetIndex;
pub use interception::Interception;
pub use session::Session;
pub use settings::Settings;
pub use warrant::{Target, Warrant, WarrantError};
