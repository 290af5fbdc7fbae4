//! What an LEMF is asked for when a connection was opened (TS 102 232-1, `optionRequest`), and what came of it: said in
//! the log when it changes, and remembered for the next connection.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::counters::LinkCounters;
use crate::settings::AcknowledgementSettings;

/// How long an LEMF that was silent the last time is waited for.
const AGAIN: Duration = Duration::from_secs(1);

/// What came of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// PDUs are acknowledged.
    Accepted,
    /// They are not.
    Declined,
    /// They are not, since the LEMF said nothing in time.
    Unanswered,
}

/// The options of one LEMF and interface.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) acknowledgement: AcknowledgementSettings,
    lemf: String,
    interface: &'static str,
    /// How long the answer is waited for: TIME2, as for that to a keep-alive.
    patience: Duration,
    last: Mutex<Option<Outcome>>,
}

impl Options {
    pub(crate) fn new(
        acknowledgement: AcknowledgementSettings,
        lemf: String,
        interface: &'static str,
        patience: Duration,
    ) -> Self {
        Self { acknowledgement, lemf, interface, patience, last: Mutex::new(None) }
    }

    /// How long the LEMF is waited for. PDUs wait meanwhile: an LEMF that knows of no options costs that once.
    pub(crate) fn patience(&self) -> Duration {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last == Some(Outcome::Unanswered) { AGAIN.min(self.patience) } else { self.patience }
    }

    /// Counts what came of it, and says it unless it was so the last time.
    pub(crate) fn settled(&self, outcome: Outcome, counters: &LinkCounters) {
        match outcome {
            Outcome::Accepted => counters.acknowledging.set(1),
            Outcome::Declined => counters.options_declined.one(),
            Outcome::Unanswered => counters.options_unanswered.one(),
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(outcome);
        if last == Some(outcome) {
            return;
        }
        let (lemf, interface) = (&self.lemf, self.interface);
        match outcome {
            Outcome::Accepted => tracing::info!(lemf, interface, "the LEMF acknowledges PDUs"),
            Outcome::Declined => {
                tracing::warn!(lemf, interface, "the LEMF declines to acknowledge PDUs: TCP's have to do")
            }
            Outcome::Unanswered => tracing::warn!(
                lemf,
                interface,
                "the LEMF does not say whether it acknowledges PDUs: TCP's acknowledgements have to do"
            ),
        }
    }
}
