//! The POP3 machine; see [`crate::access`].

use writ_mail::pop3::{Limits, Pop3};

const AMPLE: Limits = Limits { line: 1 << 20, pending: 1 << 16, pending_octets: 64 << 20, held: 64 << 20 };
const TIGHT: Limits = Limits { line: 64, pending: 4, pending_octets: 1024, held: 512 };
/// Most of it is five fields of a head, of up to 8 KiB each, that grow by doubling.
const MOST_HELD: usize = 96 << 10;

/// Runs an input.
pub fn run(input: &[u8]) {
    crate::access::run(
        input,
        |from_start| Pop3::new(from_start, AMPLE),
        |from_start| Pop3::new(from_start, TIGHT),
        MOST_HELD,
    );
}
