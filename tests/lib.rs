//! What the end-to-end tests share: where the program and the captures are, how one is run on the other, and how the oracle is
//! asked. The tests drive the `writ` binary from outside, as its user does; of Writ's crates they use the PDU decoder alone.

mod captures;
mod oracle;
mod pdus;
mod program;
mod replay;

pub use captures::{Corpus, corpora, in_tree, in_tree_folder, in_tree_named};
pub use oracle::{Comparison, Delivered, Mutation, Oracle};
pub use pdus::{by_ber_reader, by_writ};
pub use program::{Writ, build_writ};
pub use replay::Replay;

/// Says that a test did not run, and why. Straight to standard error: what a test that passes says through `eprintln!` is not shown.
pub fn skip(test: &str, why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: {why}");
}
