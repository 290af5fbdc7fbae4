//! What the fuzz targets do with an input. Each is a function, so that a test replays the inputs of old on any toolchain and the
//! programs in `fuzz_targets/` have one line each.
//!
//! An input that panics is a fault: of the code, or of an invariant that is asserted here.

mod access;
mod addresses;
mod capture_file;
mod choices;
mod configuration;
mod filter;
mod imap;
mod inflate;
mod interception;
mod lemf;
#[path = "../../../userspace/capture/tests/packets/mod.rs"]
mod made;
mod memory;
mod messaging;
mod packets;
mod pdu;
mod pieces;
mod pop3;
mod sasl;
pub mod seeds;
mod smtp;
mod streams;
mod wire_dialogue;
mod wire_frames;

/// A target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target there is; `fuzz_targets/` has a program for each.
pub const TARGETS: [Target; 17] = [
    ("addresses", addresses::run),
    ("capture_file", capture_file::run),
    ("configuration", configuration::run),
    ("imap", imap::run),
    ("inflate", inflate::run),
    ("interception", interception::run),
    ("lemf_smtp", lemf::smtp),
    ("lemf_store", lemf::store),
    ("messaging", messaging::run),
    ("pdu", pdu::run),
    ("pop3", pop3::run),
    ("sasl", sasl::run),
    ("smtp", smtp::run),
    ("warrants", configuration::warrants),
    ("wire_dialogue", wire_dialogue::run),
    ("wire_frames", wire_frames::run),
    ("xdp_filter", filter::run),
];

/// Runs a target on an input.
///
/// # Panics
/// Where there is no such target, or the input shows a fault.
pub fn run(target: &str, input: &[u8]) {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target of this name");
    run(input);
}
