//! What this room counts. No counter tells an identity, and none tells which warrant.

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Counters of messaging.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Counters {
            /// Every counter, by name.
            pub fn each(&self, mut tell: impl FnMut(&'static str, u64)) {
                $(tell(stringify!($name), self.$name);)+
            }
        }
    };
}

counters! {
    /// Events taken.
    messaging_events,
    /// Pieces of content taken that came apart from their events.
    messaging_pieces,
    /// Pieces of events that nobody knows: refused.
    messaging_pieces_unknown,
    /// Events and pieces that had been told already.
    messaging_repeated,
    /// (Logical sequence, warrant) pairs that were covered.
    messaging_communications,
    /// IRI records made.
    messaging_iri_records,
    /// CC records made.
    messaging_cc_records,
    /// Octets of content in them.
    messaging_cc_octets,
    /// Records not made because the event's time was outside the warrant's interval.
    messaging_outside_interval,
    /// Contents of covered events that do not trigger the delivery of content.
    messaging_contents_not_due,
    /// Contents left out by agreement: of what the target does with its own box.
    messaging_own_access,
    /// Logical sequences closed because there were too many.
    messaging_sequences_given_up,
    /// Events whose later content is refused until they are said again: there were too many, or warrants were changed.
    messaging_events_forgotten,
    /// Keys of what was said or told, forgotten before their time: there were too many.
    messaging_keys_forgotten,
}
