//! Delivery to the monitoring facility (LEMF): records in, PS-PDUs out over TCP (TS 102 232-1).
//!
//! ```text
//! workers ─► intake ─► Encoder ─► buffer ─► connection ─► LEMF     one buffer and connection for each LEMF and interface
//!   records            numbers,    bounded   batches, keep-alive
//!                      PS-PDUs
//! ```

mod acknowledged;
mod acknowledgement;
mod aggregation;
pub mod broker;
mod buffer;
mod connection;
mod consignment;
mod counters;
mod delivery;
mod durable;
mod email_iri;
mod encryption;
mod header;
mod incoming;
mod intake;
mod integrity;
mod keep_alive;
mod key_file;
mod link;
mod link_pdu;
mod mediation;
mod messaging;
mod options;
mod outgoing;
mod outlet;
mod sequence;
mod signing;

pub mod agreement;
pub mod cin;
pub mod encoder;
pub mod latency;
pub mod pdu;
pub mod said;
pub mod settings;
pub mod spool;
pub mod stages;
pub mod tls;

pub use consignment::{Consignment, Custody, Receipt, Room, Rooms};
pub use counters::{CoreSnapshot, Counters, LemfSnapshot, LinkSnapshot, Snapshot};
pub use delivery::{Delivery, DeliverySettings, Drained, StartError, Undelivered, WhenFull};
pub use link_pdu::LINK_LIID;
pub use mediation::{Mediation, MediationSettings};
pub use outlet::{Callback, Outlet, profile};
