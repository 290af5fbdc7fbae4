//! What the operator says about messaging.

use std::time::Duration;

/// Settings of this room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a logical sequence goes on without an event (clause 8.1).
    pub idle_time: Duration,
    /// Logical sequences, each under one warrant, that are followed at a time.
    pub sequences: usize,
    /// Events, covered or not, whose later content is taken.
    pub events: usize,
    /// How long it is remembered that something was said or told.
    pub remember_time: Duration,
    /// Of how many items it is remembered that they were said.
    pub said: usize,
    /// Of how many (item, warrant) pairs it is remembered that they were told.
    pub remembered: usize,
    /// LEMFs with which it is agreed that `original-message` goes along (clause 8).
    pub original_message_to: Vec<usize>,
    /// LEMFs with which it is agreed that content of what the target does with its own box does not go along (clause 8.1, NOTE 2).
    pub without_own_access: Vec<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            idle_time: Duration::from_secs(900),
            sequences: 65_536,
            events: 262_144,
            remember_time: Duration::from_secs(86_400),
            said: 524_288,
            remembered: 262_144,
            original_message_to: Vec::new(),
            without_own_access: Vec::new(),
        }
    }
}
