//! What a session works with, handed to it with every call.

use crate::counters::Counters;
use crate::forward::Forwards;
use crate::index::TargetIndex;
use crate::record::{Cin, Record};
use crate::settings::Settings;

/// Where new communication identity numbers come from. The numbers must never be used again, restarts included.
pub trait CinSource {
    /// The next number.
    fn next_cin(&self) -> Cin;
}

/// What a session works with.
pub struct Context<'c> {
    /// Who is a target.
    pub index: &'c TargetIndex,
    /// What the operator says.
    pub settings: &'c Settings,
    /// Numbers for communications.
    pub cins: &'c dyn CinSource,
    /// What is counted.
    pub counters: &'c mut Counters,
    /// Where records go.
    pub records: &'c mut Vec<Record>,
    /// What transactions of one connection wait for that is sent on another.
    pub(crate) forwards: &'c mut Forwards,
}
