//! What the operator says about messaging.

use std::time::Duration;

/// Settings of this room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a logical sequence goes on without an event (clause 8.1).
    pub idle_time: Duration,
    /// Logical sequences, each under one warrant, that are followed at a time.
    pub sequences: usize,
    /// Events of a sequence whose later content is told as theirs.
    pub events_of_sequence: usize,
    /// How long it is remembered that an event was told.
    pub remember_time: Duration,
    /// Of how many (event, warrant) pairs that is remembered.
    pub remembered: usize,
    /// LEMFs with which it is agreed that `original-message` goes along (clause 8).
    pub original_message_to: Vec<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            idle_time: Duration::from_secs(900),
            sequences: 65_536,
            events_of_sequence: 1024,
            remember_time: Duration::from_secs(86_400),
            remembered: 262_144,
            original_message_to: Vec::new(),
        }
    }
}
