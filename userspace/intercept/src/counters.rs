//! What this room counts. No counter tells an identity, and none tells which warrant.

use writ_mail::smtp::Anomaly;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Counters of one worker.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: u64,)+
            /// Parse anomalies, in the order of [`Anomaly::ALL`].
            pub anomalies: [u64; Anomaly::ALL.len()],
        }

        impl Counters {
            /// Every counter but the anomalies, by name.
            pub fn each(&self, mut tell: impl FnMut(&'static str, u64)) {
                $(tell(stringify!($name), self.$name);)+
            }
        }
    };
}

counters! {
    /// Sessions opened on a port of SMTP.
    smtp_sessions,
    /// Sessions opened on a port of POP3.
    pop3_sessions,
    /// Sessions opened on a port of IMAP4.
    imap_sessions,
    /// Of the SMTP sessions, those encrypted from their first octet.
    smtps_sessions,
    /// Of the POP3 sessions, those encrypted from their first octet.
    pop3s_sessions,
    /// Of the IMAP4 sessions, those encrypted from their first octet.
    imaps_sessions,
    /// Sessions that turned to TLS (STARTTLS).
    upgraded_sessions,
    /// Messages that servers accepted.
    messages_accepted,
    /// Messages that servers refused.
    messages_refused,
    /// Messages that were broken off, or whose fate was not captured.
    messages_unsettled,
    /// Logins that servers accepted.
    logins_accepted,
    /// Logins that servers refused.
    logins_refused,
    /// (Session, warrant) pairs that were covered.
    communications,
    /// IRI records made.
    iri_records,
    /// CC records made.
    cc_records,
    /// Octets of content in them.
    cc_octets,
    /// Notices to LEMFs made.
    notices,
    /// Octets of covered sessions that were not captured.
    covered_octets_missed,
    /// Octets that could not be held until it was known whether they are covered.
    octets_not_held,
    /// Records not made because the packet's time was outside the warrant's interval.
    outside_interval,
}

impl Counters {
    pub(crate) fn anomaly(&mut self, anomaly: Anomaly) {
        if let Some(at) = Anomaly::ALL.iter().position(|known| *known == anomaly)
            && let Some(count) = self.anomalies.get_mut(at)
        {
            *count += 1;
        }
    }
}
