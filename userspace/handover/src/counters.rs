//! What the delivery core counts. Numbers only: no identity, and of names none but an LEMF's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::latency::{Latency, LatencySnapshot};
use crate::pdu::{Interface, Kind};
use crate::stages::Stages;

/// One number that any thread may raise and read.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    /// For what goes down too.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Declares a group of counts and its snapshot from one list, so that neither can lack what the other has.
macro_rules! counts {
    ($(#[$doc:meta])* $live:ident, $(#[$snapshot_doc:meta])* $snapshot:ident { $($(#[$field_doc:meta])* $field:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(crate) struct $live { $(pub(crate) $field: Count),+ }

        $(#[$snapshot_doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $snapshot { $($(#[$field_doc])* pub $field: u64),+ }

        impl $live {
            pub(crate) fn snapshot(&self) -> $snapshot {
                $snapshot { $($field: self.$field.get()),+ }
            }
        }

        impl $snapshot {
            /// Every count with its name, in the order of the fields.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field)),+].into_iter()
            }

            /// Adds what another has counted.
            #[allow(dead_code, reason = "of one group alone there are several")]
            fn add(&mut self, other: &Self) {
                $(self.$field += other.$field;)+
            }
        }
    };
}

counts! {
    /// Of the delivery core as a whole.
    CoreCounters,
    /// Of the delivery core as a whole, at one moment.
    CoreSnapshot {
        /// Records taken from the workers.
        records,
        /// Records for an LEMF that there is not.
        unrouted,
        /// Records that could not be encoded and were not delivered.
        encode_errors,
        /// Fields cut to the length that their type allows, or left out since their type does not hold them.
        fields_cut,
        /// Sequences open now: communications, or LIIDs when those are what is counted along.
        sequences,
        /// Times that the reserve of CINs could not be put on disk.
        cin_reserve_failures,
        /// Files of PDUs that could not be written to their end.
        files_failed,
    }
}

counts! {
    /// Of one LEMF and interface.
    LinkCounters,
    /// Of one LEMF and interface, at one moment.
    LinkSnapshot {
        /// PDUs of IRI that were encoded for it.
        iri,
        /// PDUs of CC that were encoded for it.
        cc,
        /// TRI PDUs that were encoded for it: segment flags and messages, keep-alives not.
        tri,
        /// Octets of all those.
        octets,
        /// PDUs that the LEMF has acknowledged, or, where it does not, its TCP entirely; one is counted again when it was
        /// returned and acknowledged again.
        pdus_sent,
        /// PDUs that had been acknowledged by TCP and waited again, since the connection was reset before the LEMF showed
        /// that it had read them; and PDUs that went and were not acknowledged by an LEMF that had agreed to.
        pdus_returned,
        /// PDUs given up since the connection was reset seven times after they had been acknowledged, the last times alone:
        /// whether the LEMF has read them nobody can tell.
        pdus_unconfirmed,
        /// Octets that the socket took, keep-alives included.
        octets_sent,
        /// PDUs that wait to be sent, or to be acknowledged, now.
        buffered_pdus,
        /// Octets of those.
        buffered_octets,
        /// PDUs dropped because the buffer was full.
        dropped_pdus,
        /// Octets of those.
        dropped_octets,
        /// Times that the buffer was found full, one an episode.
        full_episodes,
        /// Octets that the spool may have on disk; 0 without one.
        spool_limit,
        /// Octets that it has there now.
        spool_octets,
        /// PDUs that were put into it on disk.
        spool_written,
        /// PDUs in it that the LEMF is not known to have, now.
        spool_pdus,
        /// Times that reading or writing it failed.
        spool_failures,
        /// Times that its end was torn when it was opened, and cut off.
        spool_torn,
        /// PDUs in it that could not be read back.
        spool_unreadable,
        /// Times that what has left made room before an integrity check covered it.
        spool_unchecked,
        /// Whether a connection to the broker stands now, 0 or 1; 0 without a broker.
        broker_connected,
        /// Times that the broker, or the connection to it, failed.
        broker_failures,
        /// PDUs that the broker has acknowledged.
        broker_published,
        /// Messages that went to the broker again, since their acknowledgement had not come.
        broker_repeated,
        /// PDUs that a mediator took from the broker.
        broker_taken,
        /// Messages in the broker that a mediator has not taken yet, as of the one that it took last.
        broker_waiting,
        /// Streams that a mediator has the lease of, now.
        broker_leases,
        /// Messages that the broker had twice, and that were left out.
        broker_duplicates,
        /// PDUs that are missing from the broker.
        broker_lost,
        /// Messages that could not be opened, and streams that lost their end.
        broker_faults,
        /// Connections opened.
        connects,
        /// Attempts to connect that failed.
        connect_failures,
        /// Attempts given up since the files of `tls` could not be used.
        tls_files,
        /// Attempts given up since the LEMF's certificate was not what `tls` asks for.
        tls_certificate,
        /// Attempts and connections that the LEMF ended since it did not accept our certificate, or before it answered
        /// anything, which can mean that.
        tls_refused,
        /// Attempts and connections given up for another fault of TLS.
        tls_protocol,
        /// When our certificate on the connection opened last ends, in seconds since 1970; 0 without TLS.
        tls_own_expiry,
        /// When the LEMF's does.
        tls_lemf_expiry,
        /// Connections that ended, by either side.
        disconnects,
        /// Whether a connection is open now, 0 or 1.
        connected,
        /// Keep-alives sent.
        keep_alives_sent,
        /// Responses to them.
        keep_alives_answered,
        /// Responses that came after TIME2.
        keep_alives_late,
        /// Keep-alives without a response by TIME3: the connection was closed.
        keep_alives_missed,
        /// Whether the LEMF has agreed to acknowledge PDUs on the connection that is open now, 0 or 1.
        acknowledging,
        /// Connections on which it declined to.
        options_declined,
        /// Connections on which it did not answer whether it will.
        options_unanswered,
        /// Requests to acknowledge what it has.
        acknowledgements_asked,
        /// Responses to them.
        acknowledgements_answered,
        /// Requests without a response in time: the connection was closed.
        acknowledgements_missed,
        /// Connections closed since the LEMF took no octet for as long as TIME1 and TIME3 together.
        stalls,
        /// PDUs from the LEMF that were no response to a keep-alive or a request.
        unexpected_pdus,
        /// Connections closed since what the LEMF sent was no PDU, too large, or too much.
        protocol_errors,
    }
}

impl LinkCounters {
    pub(crate) fn encoded(&self, kind: Kind, octets: usize) {
        match kind {
            Kind::Iri => self.iri.one(),
            Kind::Cc => self.cc.one(),
            Kind::Tri => self.tri.one(),
        }
        self.octets.add(octets as u64);
    }
}

/// Of one LEMF.
#[derive(Debug)]
pub(crate) struct LemfCounters {
    pub(crate) name: String,
    pub(crate) hi2: Arc<LinkCounters>,
    pub(crate) hi3: Arc<LinkCounters>,
}

impl LemfCounters {
    pub(crate) fn of(&self, interface: Interface) -> &Arc<LinkCounters> {
        match interface {
            Interface::Hi2 => &self.hi2,
            Interface::Hi3 => &self.hi3,
        }
    }
}

/// Everything counted, live. Share it by [`Arc`] and take a [`snapshot`](Self::snapshot) when asked.
#[derive(Debug)]
pub struct Counters {
    pub(crate) core: CoreCounters,
    pub(crate) lemfs: Vec<LemfCounters>,
    /// Of each stream that a mediator delivers, with the LEMF that it is for.
    relays: Mutex<Vec<(usize, Interface, Arc<LinkCounters>)>>,
    pub(crate) latency: Arc<Latency>,
}

impl Counters {
    pub(crate) fn new(lemfs: impl IntoIterator<Item = String>, latency: Arc<Latency>) -> Self {
        let lemf = |name| LemfCounters { name, hi2: Arc::default(), hi3: Arc::default() };
        let lemfs = lemfs.into_iter().map(lemf).collect();
        Self { core: CoreCounters::default(), lemfs, relays: Mutex::default(), latency }
    }

    /// Of one LEMF and interface.
    pub(crate) fn link(&self, lemf: usize, interface: Interface) -> Arc<LinkCounters> {
        self.lemfs.get(lemf).map(|lemf| Arc::clone(lemf.of(interface))).unwrap_or_default()
    }

    /// Of one more stream for this LEMF and interface: it is counted along with the others.
    pub(crate) fn relay(&self, lemf: usize, interface: Interface) -> Arc<LinkCounters> {
        let counters = Arc::<LinkCounters>::default();
        let mut relays = self.relays.lock().unwrap_or_else(PoisonError::into_inner);
        relays.push((lemf, interface, Arc::clone(&counters)));
        counters
    }

    /// How long it took to each stage of the way.
    pub fn stages(&self) -> &Stages {
        &self.latency.stages
    }

    /// What has been counted until now.
    pub fn snapshot(&self) -> Snapshot {
        let relays = self.relays.lock().unwrap_or_else(PoisonError::into_inner);
        let link = |index, interface, counters: &LinkCounters| {
            let mut link = counters.snapshot();
            for (_, _, relay) in relays.iter().filter(|(lemf, on, _)| (*lemf, *on) == (index, interface)) {
                let (own, lemf) = (link.tls_own_expiry, link.tls_lemf_expiry);
                let more = relay.snapshot();
                link.add(&more);
                // Times of which the first counts.
                link.tls_own_expiry = first(own, more.tls_own_expiry);
                link.tls_lemf_expiry = first(lemf, more.tls_lemf_expiry);
            }
            link
        };
        let lemf = |(index, lemf): (usize, &LemfCounters)| LemfSnapshot {
            name: lemf.name.clone(),
            hi2: link(index, Interface::Hi2, &lemf.hi2),
            hi3: link(index, Interface::Hi3, &lemf.hi3),
        };
        Snapshot {
            core: self.core.snapshot(),
            lemfs: self.lemfs.iter().enumerate().map(lemf).collect(),
            latency: self.latency.snapshot(),
        }
    }
}

/// The earlier of two times, of which 0 is none.
fn first(a: u64, b: u64) -> u64 {
    if a == 0 || b == 0 { a.max(b) } else { a.min(b) }
}

/// Everything counted, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Of the delivery core as a whole.
    pub core: CoreSnapshot,
    /// Of each LEMF, in the order of the outlets.
    pub lemfs: Vec<LemfSnapshot>,
    /// From interception to the socket, of PDUs that went over a connection.
    pub latency: LatencySnapshot,
}

/// What was counted of one LEMF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LemfSnapshot {
    /// The LEMF.
    pub name: String,
    /// Of HI2.
    pub hi2: LinkSnapshot,
    /// Of HI3.
    pub hi3: LinkSnapshot,
}

impl LemfSnapshot {
    /// Of one interface.
    pub fn of(&self, interface: Interface) -> &LinkSnapshot {
        match interface {
            Interface::Hi2 => &self.hi2,
            Interface::Hi3 => &self.hi3,
        }
    }
}
