//! What was seen, and what was lost, by cause.

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Counts since the start. Each frame is in exactly one of the classes that [`Counters::classes`] adds up.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[allow(missing_docs, reason = "every counter has its own words below")]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Counters {
            /// Gives each counter by its name, in the order of the fields.
            pub fn each(&self, mut f: impl FnMut(&'static str, u64)) {
                $(f(stringify!($name), self.$name);)+
            }

            /// Adds the counts of another worker.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)+
            }
        }
    };
}

counters! {
    /// Frames given.
    frames,
    /// Octets of these, as captured.
    octets,
    /// Frames that the capture cut (not a class: a cut frame is in one of the classes as well).
    truncated,

    /// Class: nothing that is read above the link layer (ARP, LLDP, a tunnel …).
    not_ip,
    /// Class: IP, but not TCP.
    not_tcp,
    /// Class: TCP, but neither port is a server port.
    not_mail,
    /// Class: a link header that is too short or has too many tags.
    malformed_link,
    /// Class: an IP header that contradicts itself or the frame.
    malformed_ip,
    /// Class: a TCP header that contradicts itself or the packet.
    malformed_tcp,
    /// Class: a wrong checksum, where these are verified.
    checksum_errors,
    /// Class: a fragment that did not complete its packet.
    fragments_pending,
    /// Class: a segment of a flow.
    segments,

    /// Fragments seen, those that completed a packet too.
    fragments,
    /// Packets put together from fragments.
    fragments_reassembled,
    /// Packets of which fragments were still missing when their time ran out.
    fragments_timed_out,
    /// Packets given up because a limit was reached.
    fragments_dropped,
    /// Fragments that the capture cut, so that their packet cannot be completed.
    fragments_cut,
    /// Fragments that covered octets already there; the first copy stays.
    fragments_overlapping,

    /// Segments that belong to no flow and open none: an RST, or a bare acknowledgement from the middle of a connection.
    without_flow,
    /// Payload octets of segments.
    segment_octets,
    /// Octets handed on in order.
    delivered_octets,
    /// Octets that came again after they were delivered.
    retransmitted_octets,
    /// Octets that came again while the first copy was held.
    duplicate_octets,
    /// Segments that came ahead of something missing, and were held.
    out_of_order,
    /// Segments held because they acknowledge octets of the other direction that were not there yet.
    ahead_of_peer,
    /// Overlapping copies that disagreed; the first was kept.
    overlaps_disagreeing,
    /// Gaps reported.
    gaps,
    /// Octets in them.
    gap_octets,
    /// Octets held, never acknowledged, and dropped.
    unacknowledged_octets,
    /// Times that a limit on held octets made a gap before its time.
    hold_limits,
    /// Keep-alive probes.
    keep_alives,
    /// Segments too far from the window to be believed.
    off_window,
    /// Acknowledgements of what cannot have been sent.
    acks_unbelieved,
    /// RSTs outside the window: somebody guesses.
    resets_off_window,
    /// Segments of a flow that is over.
    after_close,

    /// Flows opened.
    flows_opened,
    /// Of these, from the middle, without a SYN.
    flows_midstream,
    /// Flows that were let go.
    flows_let_go,
    /// Octets of their streams that went by meanwhile, each direction's up to the last packet that came in of it.
    let_go_octets,
    /// Flows closed by FIN.
    flows_closed_fin,
    /// Flows closed by RST.
    flows_closed_reset,
    /// Flows closed by silence.
    flows_closed_idle,
    /// Flows closed because their ports were used again.
    flows_closed_reused,
    /// Flows that gave way to others.
    flows_evicted,
    /// Flows open when the capture ended.
    flows_closed_shutdown,
}

impl Counters {
    /// The sum of the classes, which equals `frames`.
    pub fn classes(&self) -> u64 {
        self.not_ip
            + self.not_tcp
            + self.not_mail
            + self.malformed_link
            + self.malformed_ip
            + self.malformed_tcp
            + self.checksum_errors
            + self.fragments_pending
            + self.segments
    }
}
