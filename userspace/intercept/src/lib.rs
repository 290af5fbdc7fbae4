//! Warrants, the target index, and the sessions that they cover: mail events in, IRI and CC records out.

pub mod record;
