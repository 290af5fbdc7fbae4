//! Mail traffic that is the same for the same seed.
//!
//! [`letter`] is a message, [`dialogue`] what the ends of a session say, [`segments`] the frames that carry it, [`mix`] many sessions
//! at a time, and [`file`] what they are written to.

pub mod dialogue;
pub mod file;
pub mod letter;
pub mod mix;
mod random;
pub mod segments;

pub use dialogue::{Dialogue, Transfer};
pub use letter::{Letter, Lines};
pub use mix::{Mix, Protocol, Shape};
pub use random::Random;
pub use segments::{Ends, Segments};
