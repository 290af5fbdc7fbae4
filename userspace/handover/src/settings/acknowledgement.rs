//! `[lemf.acknowledgement]`: the acknowledgement of PDUs by an LEMF.

use std::time::Duration;

use serde::Deserialize;

use super::seconds;

/// When the LEMF is asked to acknowledge what it has (TS 102 232-1, `pDUAcknowledgementRequest`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AcknowledgementSettings {
    /// It is asked after so many PDUs.
    pub pdus: usize,
    /// And so long after the first PDU that it was not asked for.
    #[serde(deserialize_with = "seconds")]
    pub interval: Duration,
    /// Without an answer for so long the connection is closed and opened anew, and what was not acknowledged goes again.
    #[serde(deserialize_with = "seconds")]
    pub answer: Duration,
}

impl Default for AcknowledgementSettings {
    fn default() -> Self {
        Self { pdus: 256, interval: Duration::from_millis(500), answer: Duration::from_secs(60) }
    }
}
