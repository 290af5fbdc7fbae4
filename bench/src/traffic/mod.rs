//! SMTP traffic that is the same for the same seed.
//!
//! [`dialogue`] is what the ends of a session say, [`segments`] the frames that carry it, and [`mix`] many sessions at a time.

pub mod dialogue;
pub mod mix;
mod random;
pub mod segments;

pub use dialogue::{Dialogue, Transfer};
pub use mix::{Mix, Shape};
pub use random::Random;
pub use segments::{Ends, Segments};
