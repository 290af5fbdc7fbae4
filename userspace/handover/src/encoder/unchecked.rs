//! Integrity checks over what another run has left without.

use std::sync::Arc;

use writ_etsi::EncodeError;
use writ_intercept::record::Mandate;
use writ_wire::Time;

use super::Encoder;
use crate::integrity::Unchecked;
use crate::pdu::{Interface, Pdu};

impl Encoder {
    /// Takes in what another run has left without an integrity check. It gets its own before anything else: see
    /// [`settle_unchecked`](Self::settle_unchecked).
    pub(crate) fn take_over(&mut self, interface: Interface, unchecked: Unchecked) {
        self.unchecked.push((interface, unchecked));
    }

    /// Appends the checks over what another run has left.
    ///
    /// # Errors
    /// When something of it has no encoding. Everything else is appended all the same.
    pub(crate) fn settle_unchecked(&mut self, now: Time, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        self.clock = self.clock.max(now);
        let mut outcome = Ok(());
        for (interface, unchecked) in std::mem::take(&mut self.unchecked) {
            for ((liid, cin), left) in unchecked.into_open() {
                let Some(integrity) = &mut self.integrity else { continue };
                let line = self.sequences.line(&liid, cin, interface);
                self.sequences.resume(line, left.next);
                // Whom it goes to says the encoder, which is that of one LEMF.
                let mandate = Arc::new(Mandate { liid, authorization_country: left.country.clone(), lemf: 0 });
                integrity.resume(line, &mandate, left, self.clock);
                outcome = outcome.and(self.settle(line, pdus));
                self.sequences.close(&mandate.liid, cin);
            }
        }
        self.mark(pdus);
        outcome
    }

    /// Says with which PDUs what is covered.
    pub(super) fn mark(&self, pdus: &mut [Pdu]) {
        if let Some(integrity) = &self.integrity {
            integrity.mark(pdus);
        }
    }
}
