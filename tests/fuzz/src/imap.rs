//! The IMAP4 machine; see [`crate::access`].

use writ_mail::imap::{Compressed, Imap, Limits};

/// Limits that no input here reaches: what was left out at a limit may depend on the cuts.
pub(crate) const AMPLE: Limits = Limits {
    line: 1 << 20,
    pending: 1 << 16,
    pending_octets: 8 << 20,
    stalled: 64 << 20,
    transfers: 1 << 16,
    nesting: 100,
    inflated: 64 << 20,
    inflated_commands: 64 << 20,
    inflated_responses: 64 << 20,
    compressed: Compressed::Inflated,
};
/// Limits that are soon reached.
pub(crate) const TIGHT: Limits = Limits {
    line: 64,
    pending: 4,
    pending_octets: 256,
    stalled: 512,
    transfers: 4,
    nesting: 10,
    inflated: 1 << 20,
    inflated_commands: 1 << 10,
    inflated_responses: 1 << 10,
    compressed: Compressed::AsOnTheWire,
};
/// What a session with tight limits may hold, in octets: two inflaters of 48 KiB with 16 KiB of what they give, and for what is
/// being read five fields of a head of up to 8 KiB each.
pub(crate) const MOST_HELD: usize = 320 << 10;

/// Runs an input.
pub fn run(input: &[u8]) {
    crate::access::run(
        input,
        |from_start| Imap::new(from_start, AMPLE),
        |from_start| Imap::new(from_start, TIGHT),
        MOST_HELD,
    );
}
