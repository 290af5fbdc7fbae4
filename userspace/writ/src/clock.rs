//! The clock of the machine.

use std::time::{SystemTime, UNIX_EPOCH};

use writ_wire::Time;

/// The time by it, as the capture tells time.
pub fn now() -> Time {
    Time::since_epoch(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}
