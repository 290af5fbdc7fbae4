//! The other end of the handover interfaces: receives PDUs, checks, stores and shows them.
//!
//! A reference receiver and a tool for tests. It knows the PDUs (`writ-etsi`) and nothing of what sends them, so what it
//! says about a sender is a second opinion.

mod decode_file;
pub mod decryption;
pub mod integrity;
pub mod mailbox;
mod pdu_buffer;
pub mod receiver;
pub mod record;
pub mod show;
pub mod smtp;
mod summary;
mod unblocked;

pub use decode_file::{DecodeSummary, End, Found, decode_file, decode_reader};
pub use receiver::{Acknowledge, LemfError, ServerTls, ServerTlsError, Settings, receive};
pub use summary::Summary;
pub use unblocked::Unblocked;
