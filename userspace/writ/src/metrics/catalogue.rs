//! Every metric, and which counter of the code each of its series is. `docs/metrics.md` lists the same, and a test holds the two
//! against each other.

/// What Prometheus calls the type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows, but for a restart.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
    /// Quantiles since the start.
    Summary,
}

/// The series of a metric.
#[derive(Clone, Copy, Debug)]
pub enum Series {
    /// One: this counter.
    One(&'static str),
    /// One for each value of a label: the label, then counters and the values that stand for them.
    Each(&'static str, &'static [(&'static str, &'static str)]),
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// What it says.
    pub help: &'static str,
    /// The labels that say of what: an interface and a queue, an LEMF and a handover interface.
    pub of: &'static [&'static str],
    /// What there is of each.
    pub series: Series,
}

use Kind::{Counter, Gauge, Histogram, Summary};
use Series::{Each, One};

const fn metric(
    name: &'static str,
    kind: Kind,
    of: &'static [&'static str],
    series: Series,
    help: &'static str,
) -> Metric {
    Metric { name, kind, help, of, series }
}

const QUEUE: &[&str] = &["interface", "queue"];
const LINK: &[&str] = &["lemf", "handover"];
const WHOLE: &[&str] = &[];

const VERDICTS: Series = Each(
    "verdict",
    &[
        ("mail_redirected", "mail_redirected"),
        ("fragment_redirected", "fragment_redirected"),
        ("no_socket", "no_socket"),
        ("other_passed", "other_passed"),
        ("other_dropped", "other_dropped"),
        ("malformed", "malformed"),
        ("too_deep", "too_deep"),
        ("let_go", "let_go"),
    ],
);

/// What the XDP program counts: packets.
pub const XDP_PACKETS: &[Metric] =
    &[metric("writ_xdp_packets_total", Counter, QUEUE, VERDICTS, "Packets by what the XDP program did with them.")];

/// What the XDP program counts: octets.
pub const XDP_OCTETS: &[Metric] =
    &[metric("writ_xdp_bytes_total", Counter, QUEUE, VERDICTS, "Octets of the packets that the XDP program saw.")];

/// What is counted at each receive queue's socket.
pub const QUEUES: &[Metric] = &[
    metric(
        "writ_queue_packets_total",
        Counter,
        QUEUE,
        One("frames"),
        "Packets that workers took from a receive queue.",
    ),
    metric(
        "writ_queue_bytes_total",
        Counter,
        QUEUE,
        One("octets"),
        "Octets of the packets taken from a receive queue.",
    ),
    metric(
        "writ_queue_lost_packets_total",
        Counter,
        QUEUE,
        Each("cause", &[("rx_ring_full", "ring_full"), ("no_frame", "no_frame"), ("too_long", "too_long")]),
        "Packets lost between the XDP program and the worker.",
    ),
    metric(
        "writ_queue_fill_ring_empty_total",
        Counter,
        QUEUE,
        One("rx_fill_ring_empty_descs"),
        "Times that the kernel found no free frame for a queue.",
    ),
    metric(
        "writ_queue_invalid_descriptors_total",
        Counter,
        QUEUE,
        One("rx_invalid_descs"),
        "Frames that the kernel refused to take back: a fault in Writ.",
    ),
];

/// What is counted from the frame to the record, and in the delivery core: of the process as a whole.
pub const PROCESS: &[Metric] = &[
    metric(
        "writ_frames_total",
        Counter,
        WHOLE,
        Each(
            "class",
            &[
                ("segments", "segment"),
                ("fragments_pending", "fragment"),
                ("not_ip", "not_ip"),
                ("not_tcp", "not_tcp"),
                ("not_mail", "not_mail"),
                ("malformed_link", "malformed_link"),
                ("malformed_ip", "malformed_ip"),
                ("malformed_tcp", "malformed_tcp"),
                ("checksum_errors", "checksum_error"),
                ("unknown_link", "unknown_link"),
            ],
        ),
        "Frames that workers read, each in one class.",
    ),
    metric("writ_frame_bytes_total", Counter, WHOLE, One("octets"), "Octets of the frames that workers read."),
    metric("writ_frames_truncated_total", Counter, WHOLE, One("truncated"), "Frames that the capture cut."),
    metric(
        "writ_frames_carried_total",
        Counter,
        WHOLE,
        One("carried"),
        "Frames carried from the queue's worker to the worker of their session.",
    ),
    metric(
        "writ_lost_packets_total",
        Counter,
        WHOLE,
        Each(
            "cause",
            &[
                ("carry_dropped", "inbox_full"),
                ("given_up", "given_up"),
                ("fragments_timed_out", "fragments_timed_out"),
                ("fragments_dropped", "fragments_limit"),
                ("fragments_cut", "fragments_truncated"),
            ],
        ),
        "Packets lost in the workers.",
    ),
    metric("writ_ip_fragments_total", Counter, WHOLE, One("fragments"), "IP fragments seen."),
    metric(
        "writ_ip_fragments_overlapping_total",
        Counter,
        WHOLE,
        One("fragments_overlapping"),
        "IP fragments that covered octets already there; the first copy stays.",
    ),
    metric(
        "writ_ip_packets_reassembled_total",
        Counter,
        WHOLE,
        One("fragments_reassembled"),
        "IP packets put together from fragments.",
    ),
    metric(
        "writ_tcp_events_total",
        Counter,
        WHOLE,
        Each(
            "event",
            &[
                ("out_of_order", "out_of_order"),
                ("ahead_of_peer", "ahead_of_peer"),
                ("overlaps_disagreeing", "overlap_disagreeing"),
                ("keep_alives", "keep_alive"),
                ("without_flow", "without_flow"),
                ("after_close", "after_close"),
                ("off_window", "off_window"),
                ("acks_unbelieved", "ack_unbelieved"),
                ("resets_off_window", "reset_off_window"),
            ],
        ),
        "Segments that were not simply the next of their stream.",
    ),
    metric("writ_segment_bytes_total", Counter, WHOLE, One("segment_octets"), "Payload octets of TCP segments."),
    metric(
        "writ_stream_bytes_total",
        Counter,
        WHOLE,
        Each(
            "outcome",
            &[
                ("delivered_octets", "delivered"),
                ("retransmitted_octets", "retransmitted"),
                ("duplicate_octets", "duplicate"),
                ("unacknowledged_octets", "unacknowledged"),
            ],
        ),
        "Payload octets by what became of them.",
    ),
    metric("writ_stream_gaps_total", Counter, WHOLE, One("gaps"), "Gaps in streams: octets that were never captured."),
    metric("writ_stream_gap_bytes_total", Counter, WHOLE, One("gap_octets"), "Octets missing in these gaps."),
    metric(
        "writ_hold_limits_total",
        Counter,
        WHOLE,
        One("hold_limits"),
        "Times that a limit on held octets made a gap before its time.",
    ),
    metric("writ_flows_opened_total", Counter, WHOLE, One("flows_opened"), "TCP connections begun to follow."),
    metric(
        "writ_flows_midstream_total",
        Counter,
        WHOLE,
        One("flows_midstream"),
        "Of these, found in their middle, without a SYN.",
    ),
    metric(
        "writ_flows_closed_total",
        Counter,
        WHOLE,
        Each(
            "how",
            &[
                ("flows_closed_fin", "fin"),
                ("flows_closed_reset", "reset"),
                ("flows_closed_idle", "idle"),
                ("flows_closed_reused", "reused"),
                ("flows_evicted", "evicted"),
                ("flows_closed_shutdown", "shutdown"),
            ],
        ),
        "TCP connections no longer followed.",
    ),
    metric(
        "writ_flows_let_go_total",
        Counter,
        WHOLE,
        One("flows_let_go"),
        "Encrypted connections that no warrant wants, let go: the XDP program counts their packets.",
    ),
    metric(
        "writ_let_go_packets_total",
        Counter,
        WHOLE,
        One("let_go_packets"),
        "Packets that the XDP program counted of these, of connections that were taken back since.",
    ),
    metric(
        "writ_let_go_stream_bytes_total",
        Counter,
        WHOLE,
        One("let_go_octets"),
        "Octets of their streams that went by meanwhile.",
    ),
    metric(
        "writ_let_go_limits_total",
        Counter,
        WHOLE,
        Each(
            "outcome",
            &[("let_go_gave_way", "gave_way"), ("let_go_no_room", "no_room"), ("let_go_evicted", "evicted")],
        ),
        "Connections that there was no room for among those let go.",
    ),
    metric(
        "writ_let_go_failures_total",
        Counter,
        WHOLE,
        One("let_go_failed"),
        "Times that the XDP program could not be told.",
    ),
    metric("writ_open_flows", Gauge, WHOLE, One("open_flows"), "TCP connections followed now."),
    metric("writ_held_bytes", Gauge, WHOLE, One("held_octets"), "Octets held until what is missing before them comes."),
    metric(
        "writ_sessions_total",
        Counter,
        WHOLE,
        Each("protocol", &[("smtp_sessions", "smtp"), ("pop3_sessions", "pop3"), ("imap_sessions", "imap4")]),
        "Mail sessions.",
    ),
    metric(
        "writ_encrypted_sessions_total",
        Counter,
        WHOLE,
        Each(
            "how",
            &[
                ("smtps_sessions", "smtps"),
                ("pop3s_sessions", "pop3s"),
                ("imaps_sessions", "imaps"),
                ("upgraded_sessions", "starttls"),
            ],
        ),
        "Mail sessions whose content is encrypted: from the first octet, or from STARTTLS on.",
    ),
    metric(
        "writ_messages_total",
        Counter,
        WHOLE,
        Each(
            "outcome",
            &[("messages_accepted", "accepted"), ("messages_refused", "refused"), ("messages_unsettled", "unsettled")],
        ),
        "Messages by what the server said to them, whoever's they are.",
    ),
    metric(
        "writ_transfers_total",
        Counter,
        WHOLE,
        Each(
            "kind",
            &[
                ("messages_downloaded", "download"),
                ("messages_partly_downloaded", "partial_download"),
                ("messages_uploaded", "upload"),
            ],
        ),
        "Messages that servers sent from mailboxes and took into them, whoever's they are.",
    ),
    metric(
        "writ_urls_total",
        Counter,
        WHOLE,
        Each("outcome", &[("urls_seen", "seen"), ("urls_not_seen", "not_seen"), ("urls_given_up", "given_up")]),
        "Parts of covered messages that submission servers fetched by a URL.",
    ),
    metric(
        "writ_logins_total",
        Counter,
        WHOLE,
        Each("outcome", &[("logins_accepted", "accepted"), ("logins_refused", "refused")]),
        "Logins by what the server said to them, whoever's they are.",
    ),
    metric("writ_communications_total", Counter, WHOLE, One("communications"), "Communications covered by a warrant."),
    metric(
        "writ_records_total",
        Counter,
        WHOLE,
        Each("kind", &[("iri_records", "iri"), ("cc_records", "cc"), ("notices", "notice")]),
        "Records that workers made for delivery.",
    ),
    metric("writ_cc_content_bytes_total", Counter, WHOLE, One("cc_octets"), "Octets of content in the CC records."),
    metric(
        "writ_covered_bytes_missed_total",
        Counter,
        WHOLE,
        One("covered_octets_missed"),
        "Octets of covered sessions that were not captured.",
    ),
    metric(
        "writ_unheld_bytes_total",
        Counter,
        WHOLE,
        One("octets_not_held"),
        "Octets that a session could not hold until it was known whether they are covered.",
    ),
    metric(
        "writ_sessions_given_up_total",
        Counter,
        WHOLE,
        One("sessions_given_up"),
        "Sessions given up because all that were open held too much.",
    ),
    metric(
        "writ_records_outside_interval_total",
        Counter,
        WHOLE,
        One("outside_interval"),
        "Records not made since the packet's time was outside the warrant's interval.",
    ),
    metric(
        "writ_lost_records_total",
        Counter,
        WHOLE,
        Each(
            "cause",
            &[("records_dropped", "queue_full"), ("unrouted", "no_lemf"), ("encode_errors", "not_encodable")],
        ),
        "Records that did not become PDUs.",
    ),
    metric("writ_delivery_records_total", Counter, WHOLE, One("records"), "Records that the delivery core took."),
    metric(
        "writ_fields_cut_total",
        Counter,
        WHOLE,
        One("fields_cut"),
        "Fields cut to the length that their type allows, or left out since their type does not hold them.",
    ),
    metric("writ_open_sequences", Gauge, WHOLE, One("sequences"), "Sequences of PDUs being numbered now."),
    metric(
        "writ_cin_reserve_failures_total",
        Counter,
        WHOLE,
        One("cin_reserve_failures"),
        "Times that the reserve of CINs could not be written to disk.",
    ),
];

/// What is counted of parse anomalies; of each protocol.
pub const ANOMALIES: &[Metric] = &[metric(
    "writ_parse_anomalies_total",
    Counter,
    &["protocol"],
    Each(
        "kind",
        &[
            ("long_line", "long_line"),
            ("unknown_command", "unknown_command"),
            ("stray_server_line", "stray_server_line"),
            ("unasked_reply", "unasked_reply"),
            ("too_far_ahead", "too_far_ahead"),
            ("bare_lf_end", "bare_lf_end"),
            ("tag_reused", "tag_reused"),
            ("over_limit", "over_limit"),
            ("broken_compression", "broken_compression"),
        ],
    ),
    "What a mail protocol does not allow and was met on the wire.",
)];

/// All warrants together.
pub const WARRANTS: &[Metric] = &[
    metric(
        "writ_warrants",
        Gauge,
        WHOLE,
        Each("state", &[("warrants_in_force", "in_force"), ("warrants_to_come", "to_come"), ("warrants_over", "over")]),
        "Warrants of the file that was read last, by whether their time has come.",
    ),
    metric(
        "writ_warrant_reloads_total",
        Counter,
        WHOLE,
        Each("outcome", &[("reloads_done", "done"), ("reloads_refused", "refused")]),
        "Times that the warrants were to be read again.",
    ),
];

/// What an LEMF is configured with, for each handover interface.
pub const BUFFERS: &[Metric] = &[metric(
    "writ_delivery_queue_limit_bytes",
    Gauge,
    LINK,
    One("buffer"),
    "Octets that may wait, those included that keeping each PDU takes.",
)];

/// What is counted of each LEMF and handover interface.
pub const LINKS: &[Metric] = &[
    metric(
        "writ_pdus_total",
        Counter,
        LINK,
        Each("kind", &[("iri", "iri"), ("cc", "cc"), ("tri", "tri")]),
        "PDUs made for an LEMF, keep-alives not among them.",
    ),
    metric("writ_pdu_bytes_total", Counter, LINK, One("octets"), "Octets of the PDUs made for an LEMF."),
    metric(
        "writ_pdus_sent_total",
        Counter,
        LINK,
        One("pdus_sent"),
        "PDUs that the LEMF, or its TCP, acknowledged; one is counted again when it was returned and acknowledged again.",
    ),
    metric(
        "writ_returned_pdus_total",
        Counter,
        LINK,
        One("pdus_returned"),
        "PDUs sent again: the connection ended before the LEMF acknowledged them, or showed that it had read them.",
    ),
    metric(
        "writ_unconfirmed_pdus_total",
        Counter,
        LINK,
        One("pdus_unconfirmed"),
        "PDUs given up after seven resets with them on the connection: whether the LEMF read them is not known.",
    ),
    metric(
        "writ_sent_bytes_total",
        Counter,
        LINK,
        One("octets_sent"),
        "Octets that the socket took, keep-alives included.",
    ),
    metric("writ_lost_pdus_total", Counter, LINK, One("dropped_pdus"), "PDUs dropped because the buffer was full."),
    metric("writ_lost_pdu_bytes_total", Counter, LINK, One("dropped_octets"), "Octets of the PDUs dropped."),
    metric(
        "writ_delivery_buffer_full_total",
        Counter,
        LINK,
        One("full_episodes"),
        "Times that the buffer was found full, one an episode.",
    ),
    metric(
        "writ_delivery_connected",
        Gauge,
        LINK,
        One("connected"),
        "1 while the connection to the LEMF is up, else 0.",
    ),
    metric(
        "writ_delivery_connections_total",
        Counter,
        LINK,
        Each("event", &[("connects", "opened"), ("connect_failures", "failed"), ("disconnects", "closed")]),
        "Connections to the LEMF that were opened, failed to open, and ended.",
    ),
    metric(
        "writ_spool_limit_bytes",
        Gauge,
        LINK,
        One("spool_limit"),
        "Octets that the spool may have on disk; 0 without one.",
    ),
    metric("writ_spool_bytes", Gauge, LINK, One("spool_octets"), "Octets that the spool has on disk."),
    metric("writ_spool_pdus", Gauge, LINK, One("spool_pdus"), "PDUs in the spool that the LEMF is not known to have."),
    metric("writ_spooled_pdus_total", Counter, LINK, One("spool_written"), "PDUs that were put on disk."),
    metric(
        "writ_spool_faults_total",
        Counter,
        LINK,
        Each(
            "kind",
            &[
                ("spool_failures", "failure"),
                ("spool_torn", "torn"),
                ("spool_unreadable", "unreadable"),
                ("spool_unchecked", "unchecked"),
            ],
        ),
        "Faults of the spool.",
    ),
    metric(
        "writ_broker_connected",
        Gauge,
        LINK,
        One("broker_connected"),
        "1 while the connection to the broker is up; 0 without one.",
    ),
    metric(
        "writ_broker_failures_total",
        Counter,
        LINK,
        One("broker_failures"),
        "Failures of the broker, or of the connection to it.",
    ),
    metric(
        "writ_broker_published_pdus_total",
        Counter,
        LINK,
        One("broker_published"),
        "PDUs that the broker has acknowledged.",
    ),
    metric(
        "writ_broker_repeated_messages_total",
        Counter,
        LINK,
        One("broker_repeated"),
        "Messages that went to the broker again.",
    ),
    metric(
        "writ_broker_taken_pdus_total",
        Counter,
        LINK,
        One("broker_taken"),
        "PDUs that this mediator took from the broker.",
    ),
    metric(
        "writ_broker_waiting_messages",
        Gauge,
        LINK,
        One("broker_waiting"),
        "Messages in the broker that this mediator has still to take.",
    ),
    metric("writ_broker_leases", Gauge, LINK, One("broker_leases"), "Streams that this mediator has the lease of."),
    metric(
        "writ_broker_faults_total",
        Counter,
        LINK,
        Each(
            "kind",
            &[("broker_faults", "unreadable"), ("broker_lost", "missing"), ("broker_duplicates", "duplicate")],
        ),
        "Messages that could not be opened, PDUs that are missing, messages that were there twice.",
    ),
    metric(
        "writ_delivery_tls_failures_total",
        Counter,
        LINK,
        Each(
            "kind",
            &[
                ("tls_files", "files"),
                ("tls_certificate", "certificate"),
                ("tls_refused", "refused"),
                ("tls_protocol", "protocol"),
            ],
        ),
        "Attempts and connections that TLS ended: nothing is delivered by them.",
    ),
    metric(
        "writ_delivery_certificate_expiry_seconds",
        Gauge,
        LINK,
        Each("end", &[("tls_own_expiry", "own"), ("tls_lemf_expiry", "lemf")]),
        "When the certificate on the connection opened last ends, in seconds since 1970; 0 without TLS.",
    ),
    metric("writ_delivery_queue_pdus", Gauge, LINK, One("buffered_pdus"), "PDUs that wait to be sent or acknowledged."),
    metric("writ_delivery_queue_bytes", Gauge, LINK, One("buffered_octets"), "Octets of the PDUs that wait."),
    metric(
        "writ_keep_alives_total",
        Counter,
        LINK,
        Each(
            "event",
            &[
                ("keep_alives_sent", "sent"),
                ("keep_alives_answered", "answered"),
                ("keep_alives_late", "late"),
                ("keep_alives_missed", "missed"),
            ],
        ),
        "Keep-alives: sent, answered, answered after TIME2, not answered by TIME3.",
    ),
    metric(
        "writ_delivery_acknowledging",
        Gauge,
        LINK,
        One("acknowledging"),
        "1 while a connection is up on which the LEMF acknowledges PDUs, else 0.",
    ),
    metric(
        "writ_acknowledgements_total",
        Counter,
        LINK,
        Each(
            "event",
            &[
                ("acknowledgements_asked", "asked"),
                ("acknowledgements_answered", "answered"),
                ("acknowledgements_missed", "missed"),
                ("options_declined", "declined"),
                ("options_unanswered", "unanswered"),
            ],
        ),
        "Acknowledgement of PDUs: asked for, answered, not answered in time; declined, and not answered whether it will be.",
    ),
    metric(
        "writ_delivery_faults_total",
        Counter,
        LINK,
        Each(
            "kind",
            &[("stalls", "stall"), ("unexpected_pdus", "unexpected_pdu"), ("protocol_errors", "protocol_error")],
        ),
        "Things that an LEMF should not do.",
    ),
];

/// What is counted where messaging systems say what has happened; all 0 without `[ingest]`.
pub const INGEST: &[Metric] = &[
    metric(
        "writ_ingest_requests_total",
        Counter,
        WHOLE,
        Each(
            "outcome",
            &[
                ("ingest_kept", "kept"),
                ("ingest_malformed", "malformed"),
                ("ingest_unknown", "unknown_event"),
                ("ingest_not_kept", "not_kept"),
                ("ingest_no_memory", "no_memory"),
                ("ingest_slow", "slow"),
                ("ingest_other", "other"),
            ],
        ),
        "Requests of messaging systems by how they were answered.",
    ),
    metric(
        "writ_ingest_connections_total",
        Counter,
        WHOLE,
        Each(
            "event",
            &[
                ("ingest_opened", "opened"),
                ("ingest_refused", "refused"),
                ("ingest_too_many_handshakes", "too_many_handshakes"),
                ("ingest_too_many_of_client", "too_many_of_client"),
                ("ingest_too_many", "too_many"),
            ],
        ),
        "Connections of messaging systems: opened, ended by TLS before, closed at the limit.",
    ),
    metric(
        "writ_ingest_lost_records_total",
        Counter,
        WHOLE,
        One("ingest_records_lost"),
        "Records that the delivery core did not take in time; the system was told to say it again.",
    ),
    metric(
        "writ_ingest_not_noted_total",
        Counter,
        WHOLE,
        One("ingest_not_noted"),
        "Times that what was said could not be noted in the state folder: said again after a restart, it is told again.",
    ),
    metric(
        "writ_messaging_items_total",
        Counter,
        WHOLE,
        Each("kind", &[("messaging_events", "event"), ("messaging_pieces", "piece")]),
        "Events, and pieces of content apart from them, that systems said, whether covered or not.",
    ),
    metric(
        "writ_messaging_communications_total",
        Counter,
        WHOLE,
        One("messaging_communications"),
        "Logical sequences of events that were covered, each under one warrant.",
    ),
    metric(
        "writ_messaging_sequences",
        Gauge,
        WHOLE,
        One("messaging_sequences"),
        "Logical sequences of covered events that are followed now.",
    ),
    metric(
        "writ_messaging_records_total",
        Counter,
        WHOLE,
        Each("kind", &[("messaging_iri_records", "iri"), ("messaging_cc_records", "cc")]),
        "Records made of events.",
    ),
    metric(
        "writ_messaging_content_bytes_total",
        Counter,
        WHOLE,
        One("messaging_cc_octets"),
        "Octets of content in these records.",
    ),
    metric(
        "writ_messaging_withheld_total",
        Counter,
        WHOLE,
        Each(
            "reason",
            &[
                ("messaging_outside_interval", "outside_interval"),
                ("messaging_contents_not_due", "not_due"),
                ("messaging_own_access", "own_access"),
                ("messaging_repeated", "repeated"),
            ],
        ),
        "Records not made: not in the warrant's time, content that its event does not trigger, told already.",
    ),
    metric(
        "writ_messaging_refused_total",
        Counter,
        WHOLE,
        Each("reason", &[("messaging_pieces_unknown", "unknown_event")]),
        "Items refused, whether covered or not: content of an event that is not known, or not any more.",
    ),
    metric(
        "writ_messaging_limits_total",
        Counter,
        WHOLE,
        Each(
            "what",
            &[
                ("messaging_sequences_given_up", "sequences"),
                ("messaging_events_forgotten", "events"),
                ("messaging_keys_forgotten", "keys"),
            ],
        ),
        "Times that a limit was reached: a sequence closed, an event or a key forgotten before its time.",
    ),
];

/// From the packet to the LEMF's socket.
pub const LATENCY: Metric = metric(
    "writ_delivery_latency_seconds",
    Histogram,
    WHOLE,
    One("latency"),
    "Time from a packet's capture to its PDU's being written to the LEMF's socket.",
);

/// From the packet to each stage of the way to the LEMF.
pub const STAGES: Metric = metric(
    "writ_stage_latency_seconds",
    Summary,
    WHOLE,
    Each("stage", &[("read", "read"), ("encoded", "encoded"), ("queued", "queued"), ("written", "written")]),
    "Time from a packet's capture to each stage that what was made of it has come to.",
);

/// What runs.
pub const BUILD: &[Metric] =
    &[metric("writ_build_info", Gauge, &["version"], One("build"), "1, with the version of the program.")];

/// The process, under the names that Prometheus's own libraries give these.
pub const HOST: &[Metric] = &[
    metric("process_resident_memory_bytes", Gauge, WHOLE, One("resident"), "Memory of the process."),
    metric("process_start_time_seconds", Gauge, WHOLE, One("started"), "When the process began to serve metrics."),
];

/// All metrics.
#[cfg(test)]
pub fn all() -> impl Iterator<Item = Metric> {
    [
        BUILD,
        HOST,
        XDP_PACKETS,
        XDP_OCTETS,
        QUEUES,
        PROCESS,
        ANOMALIES,
        WARRANTS,
        INGEST,
        LINKS,
        BUFFERS,
        &[LATENCY, STAGES],
    ]
    .into_iter()
    .flatten()
    .copied()
}
