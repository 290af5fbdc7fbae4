//! What this room counts. No counter tells an identity, and none tells which warrant.

use writ_mail::access;
use writ_mail::smtp::Anomaly;

use crate::record::Protocol;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Counters of one worker.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: u64,)+
            /// Parse anomalies, in the order of [`Anomaly::ALL`].
            pub anomalies: [u64; Anomaly::ALL.len()],
            /// The same of POP3, in the order of [`access::Anomaly::ALL`].
            pub pop3_anomalies: [u64; access::Anomaly::ALL.len()],
            /// The same of IMAP4.
            pub imap_anomalies: [u64; access::Anomaly::ALL.len()],
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
    /// Messages downloaded whole.
    messages_downloaded,
    /// Messages of which a part was downloaded.
    messages_partly_downloaded,
    /// Messages put into a mailbox.
    messages_uploaded,
    /// Parts of covered messages that submission servers fetched (BURL), and that were seen.
    urls_seen,
    /// Parts that were fetched where they could not be seen.
    urls_not_seen,
    /// Parts that were not looked for, or not any longer: too many, too late, or by a URL that is too long.
    urls_given_up,
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
    /// Sessions given up because all that were open held too much.
    sessions_given_up,
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

    pub(crate) fn access_anomaly(&mut self, protocol: Protocol, anomaly: access::Anomaly) {
        let counts = match protocol {
            Protocol::Pop3 => &mut self.pop3_anomalies,
            Protocol::Imap4 => &mut self.imap_anomalies,
            // What SMTP does not allow has its own kinds.
            Protocol::Smtp => return,
        };
        if let Some(at) = access::Anomaly::ALL.iter().position(|known| *known == anomaly)
            && let Some(count) = counts.get_mut(at)
        {
            *count += 1;
        }
    }
}
