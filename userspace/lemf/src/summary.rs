//! What a receiver counted.

use std::fmt;

use crate::integrity::Verified;

/// Everything that arrived, and everything that was wrong with it, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Connections accepted.
    pub connections: u64,
    /// Connections refused because there were too many.
    pub connections_refused: u64,
    /// Connections that ended in octets that are no PDU, inside a PDU, by a time-out or by an error.
    pub connections_broken: u64,
    /// Keep-alives answered.
    pub keep_alives: u64,
    /// Requests to acknowledge PDUs that were answered.
    pub acknowledgements: u64,
    /// PDUs stored, those that are answered left out.
    pub pdus: u64,
    /// Octets of them.
    pub octets: u64,
    /// Of these, PDUs of IRI.
    pub iri: u64,
    /// Of these, PDUs of CC.
    pub cc: u64,
    /// Of these, transport payloads.
    pub tri: u64,
    /// Frames whose contents are no PS-PDU. They are stored apart.
    pub malformed: u64,
    /// Places where a sequence number was not the next one.
    pub gaps: u64,
    /// Numbers left out in all of them, those that came late among them.
    pub missing: u64,
    /// PDUs that came after one of a higher number.
    pub late: u64,
    /// PDUs that came again. They are stored, and not taken into sessions a second time.
    pub duplicates: u64,
    /// `cINReset`s.
    pub resets: u64,
    /// Segment flags without their counterpart, and segmented content past what is kept.
    pub segment_faults: u64,
    /// Sessions with content or events.
    pub sessions: u64,
    /// Sessions closed to make room for others.
    pub sessions_evicted: u64,
    /// Sequences no longer followed, to make room for others.
    pub sequences_forgotten: u64,
    /// Messages written that the server accepted, or whose answer was not handed over.
    pub messages: u64,
    /// Messages that the server refused.
    pub messages_refused: u64,
    /// Parts of messages written: what a client downloaded that was not the whole.
    pub message_parts: u64,
    /// Messages whose end never came.
    pub messages_incomplete: u64,
    /// Contents of messaging written whole.
    pub contents: u64,
    /// Of these, and of those below, such of which pieces are missing.
    pub contents_with_gaps: u64,
    /// Contents whose end never came.
    pub contents_incomplete: u64,
    /// IP packets written.
    pub packets: u64,
    /// What integrity checks showed.
    pub verified: Verified,
}

impl Summary {
    /// Whether nothing was lost, damaged or out of order as far as this end can tell.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missing == 0
            && self.late == 0
            && self.malformed == 0
            && self.connections_broken == 0
            && self.connections_refused == 0
            && self.segment_faults == 0
            && self.contents_with_gaps == 0
            && self.sessions_evicted == 0
            && self.sequences_forgotten == 0
            && self.verified.is_clean()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} PDUs ({} IRI, {} CC, {} TRI), {} octets, {} keep-alives answered, {} acknowledgements, {} connections",
            self.pdus,
            self.iri,
            self.cc,
            self.tri,
            self.octets,
            self.keep_alives,
            self.acknowledgements,
            self.connections
        )?;
        writeln!(
            f,
            "{} sessions, {} messages ({} refused, {} incomplete, {} parts besides), {} IP packets",
            self.sessions,
            self.messages,
            self.messages_refused,
            self.messages_incomplete,
            self.message_parts,
            self.packets
        )?;
        write!(
            f,
            "{} gaps ({} PDUs missing, {} of them came late), {} duplicates, {} malformed, {} segment faults, {} broken \
             connections, {} refused",
            self.gaps,
            self.missing,
            self.late,
            self.duplicates,
            self.malformed,
            self.segment_faults,
            self.connections_broken,
            self.connections_refused
        )?;
        if self.contents + self.contents_incomplete > 0 {
            write!(
                f,
                "\n{} contents of messaging ({} incomplete besides, {} with pieces missing)",
                self.contents, self.contents_incomplete, self.contents_with_gaps
            )?;
        }
        if self.verified.is_any() { write!(f, "\n{}", self.verified) } else { Ok(()) }
    }
}
