//! What Prometheus reads. No label and no value tells an identity.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::core::{AtomicU64, GenericCounterVec, GenericGaugeVec};
use prometheus::{Encoder as _, Opts, Registry, TEXT_FORMAT, TextEncoder, proto};
use tokio::net::TcpListener;
use writ_handover::latency::{BOUNDS_MICROS, LatencySnapshot};
use writ_handover::pdu::Interface as Handover;
use writ_handover::{Counters, LinkSnapshot};

use crate::live::{Interfaces, Published};
use crate::report::Tally;

/// Everything that metrics are made of.
#[derive(Clone)]
pub struct Seen {
    /// The lanes.
    pub published: Vec<Arc<Published>>,
    /// The interfaces.
    pub interfaces: Interfaces,
    /// The delivery core.
    pub delivery: Arc<Counters>,
}

/// Every metric: its name, what it says, and its labels. `docs/metrics.md` lists the same.
pub const METRICS: &[(&str, &str, &[&str])] = &[
    ("writ_xdp_packets_total", "Packets by what the XDP program did with them.", &["interface", "queue", "verdict"]),
    ("writ_xdp_octets_total", "Octets of these packets.", &["interface", "queue", "verdict"]),
    ("writ_queue_packets_total", "Packets that workers took from a receive queue.", &["interface", "queue"]),
    ("writ_queue_octets_total", "Octets of these packets.", &["interface", "queue"]),
    (
        "writ_queue_lost_total",
        "Packets lost between the XDP program and the worker, by cause.",
        &["interface", "queue", "cause"],
    ),
    ("writ_wire_total", "What became of frames, segments and streams, by kind of event.", &["event"]),
    ("writ_open_flows", "TCP connections in the flow tables.", &[]),
    ("writ_held_octets", "Octets held until what is missing before them comes.", &[]),
    ("writ_sessions_total", "Mail sessions by protocol.", &["protocol"]),
    ("writ_sessions_encrypted_total", "Mail sessions that are, or became, encrypted.", &["how"]),
    ("writ_intercept_total", "Messages, logins and records, by kind of event.", &["event"]),
    ("writ_parse_anomalies_total", "What the mail protocols do not allow, by kind.", &["protocol", "kind"]),
    ("writ_losses_total", "Whatever was lost or not handed over, by cause, all stages.", &["cause"]),
    ("writ_pdus_total", "PDUs made for an LEMF, by kind.", &["lemf", "kind"]),
    ("writ_pdu_octets_total", "Octets of these PDUs.", &["lemf", "interface"]),
    (
        "writ_delivery_total",
        "What happened on the connections to an LEMF, by kind of event.",
        &["lemf", "interface", "event"],
    ),
    ("writ_delivery_connected", "Whether the connection to an LEMF is up.", &["lemf", "interface"]),
    ("writ_delivery_queue_pdus", "PDUs that wait for an LEMF.", &["lemf", "interface"]),
    ("writ_delivery_queue_octets", "Octets of these PDUs.", &["lemf", "interface"]),
    ("writ_delivery_core_total", "Records and PDUs in the delivery core, by kind of event.", &["event"]),
    ("writ_latency_seconds", "Time from a packet's capture to its record's being written to the LEMF's socket.", &[]),
];

/// Counters of `writ-wire` and after that are losses: what a covered session can suffer from.
const LOSSES: [&str; 10] = [
    "gap_octets",
    "fragments_timed_out",
    "fragments_dropped",
    "flows_evicted",
    "malformed_tcp",
    "malformed_ip",
    "carry_dropped",
    "records_dropped",
    "octets_not_held",
    "covered_octets_missed",
];

/// Serves `/metrics` for as long as the process runs.
pub async fn serve(listener: TcpListener, seen: Seen) {
    let router = Router::new().route("/metrics", get(move || std::future::ready(scrape(&seen))));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!("metrics: {error}");
    }
}

fn scrape(seen: &Seen) -> Response {
    let mut text = Vec::new();
    let encoded = gather(seen).and_then(|families| TextEncoder::new().encode(&families, &mut text));
    match encoded {
        Ok(()) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Makes all metrics anew from the counters: there is one truth, and it is where things are counted.
fn gather(seen: &Seen) -> prometheus::Result<Vec<proto::MetricFamily>> {
    let page = Page(Registry::new());
    page.interfaces(seen)?;
    let mut tally = Tally::default();
    seen.published.iter().for_each(|lane| tally.add(&lane.tally()));
    page.workers(&tally)?;
    page.delivery(&seen.delivery)?;
    Ok(page.0.gather())
}

struct Page(Registry);

type Cells = GenericCounterVec<AtomicU64>;
type Gauges = GenericGaugeVec<AtomicU64>;

fn declared(name: &str) -> (Opts, &'static [&'static str]) {
    let found = METRICS.iter().find(|(known, ..)| *known == name);
    let (_, help, labels) = found.copied().unwrap_or((name_of_nothing(), "", &[]));
    (Opts::new(name, if help.is_empty() { "undeclared" } else { help }), labels)
}

/// A metric that is used and not declared is a mistake that the test of `METRICS` finds.
fn name_of_nothing() -> &'static str {
    "writ_undeclared"
}

impl Page {
    fn counter(&self, name: &str) -> prometheus::Result<Cells> {
        let (opts, labels) = declared(name);
        let cells = Cells::new(opts, labels)?;
        self.0.register(Box::new(cells.clone()))?;
        Ok(cells)
    }

    fn gauge(&self, name: &str) -> prometheus::Result<Gauges> {
        let (opts, labels) = declared(name);
        let gauges = Gauges::new(opts, labels)?;
        self.0.register(Box::new(gauges.clone()))?;
        Ok(gauges)
    }

    fn interfaces(&self, seen: &Seen) -> prometheus::Result<()> {
        let (packets, octets) = (self.counter("writ_xdp_packets_total")?, self.counter("writ_xdp_octets_total")?);
        let interfaces = seen.interfaces.lock();
        for interface in interfaces.iter().flat_map(|interfaces| interfaces.iter()) {
            for count in interface.verdicts().unwrap_or_default() {
                let queue = count.queue.map_or_else(|| "other".to_owned(), |queue| queue.to_string());
                let labels = [interface.name(), queue.as_str(), count.verdict.name()];
                packets.with_label_values(&labels).inc_by(count.packets);
                octets.with_label_values(&labels).inc_by(count.octets);
            }
        }
        drop(interfaces);
        let (packets, octets) = (self.counter("writ_queue_packets_total")?, self.counter("writ_queue_octets_total")?);
        let lost = self.counter("writ_queue_lost_total")?;
        for lane in &seen.published {
            let (ring, queue) = (lane.ring(), lane.queue.to_string());
            let labels = [lane.interface.as_str(), queue.as_str()];
            packets.with_label_values(&labels).inc_by(ring.frames);
            octets.with_label_values(&labels).inc_by(ring.octets);
            let causes = [
                ("no_frame_or_too_long", ring.rx_dropped),
                ("ring_full", ring.rx_ring_full),
                ("invalid_descriptor", ring.rx_invalid_descs),
            ];
            for (cause, count) in causes {
                lost.with_label_values(&[labels[0], labels[1], cause]).inc_by(count);
            }
        }
        Ok(())
    }

    fn workers(&self, tally: &Tally) -> prometheus::Result<()> {
        let none: &[&str] = &[];
        self.gauge("writ_open_flows")?.with_label_values(none).set(tally.open_flows);
        self.gauge("writ_held_octets")?.with_label_values(none).set(tally.held_octets);
        let wire = self.counter("writ_wire_total")?;
        for (event, count) in &tally.wire {
            wire.with_label_values(&[event]).inc_by(*count);
        }
        let sessions = self.counter("writ_sessions_total")?;
        let encrypted = self.counter("writ_sessions_encrypted_total")?;
        let events = self.counter("writ_intercept_total")?;
        for (event, count) in &tally.intercept {
            match *event {
                "smtp_sessions" => sessions.with_label_values(&["smtp"]).inc_by(*count),
                "pop3_sessions" => sessions.with_label_values(&["pop3"]).inc_by(*count),
                "imap_sessions" => sessions.with_label_values(&["imap4"]).inc_by(*count),
                "encrypted_sessions" => encrypted.with_label_values(&["implicit"]).inc_by(*count),
                "upgraded_sessions" => encrypted.with_label_values(&["starttls"]).inc_by(*count),
                event => events.with_label_values(&[event]).inc_by(*count),
            }
        }
        let anomalies = self.counter("writ_parse_anomalies_total")?;
        for (kind, count) in &tally.anomalies {
            anomalies.with_label_values(&["smtp", kind]).inc_by(*count);
        }
        let losses = self.counter("writ_losses_total")?;
        for (cause, count) in tally.wire.iter().chain(&tally.intercept).filter(|(name, _)| LOSSES.contains(name)) {
            losses.with_label_values(&[cause]).inc_by(*count);
        }
        Ok(())
    }

    fn delivery(&self, counters: &Counters) -> prometheus::Result<()> {
        let snapshot = counters.snapshot();
        let core = self.counter("writ_delivery_core_total")?;
        for (event, count) in snapshot.core.named() {
            core.with_label_values(&[event]).inc_by(count);
        }
        let (pdus, octets) = (self.counter("writ_pdus_total")?, self.counter("writ_pdu_octets_total")?);
        let events = self.counter("writ_delivery_total")?;
        let connected = self.gauge("writ_delivery_connected")?;
        let (waiting, waiting_octets) =
            (self.gauge("writ_delivery_queue_pdus")?, self.gauge("writ_delivery_queue_octets")?);
        for lemf in &snapshot.lemfs {
            for interface in [Handover::Hi2, Handover::Hi3] {
                let link: &LinkSnapshot = lemf.of(interface);
                let labels = [lemf.name.as_str(), interface.name()];
                for (kind, count) in [("iri", link.iri), ("cc", link.cc), ("tri", link.tri)] {
                    pdus.with_label_values(&[labels[0], kind]).inc_by(count);
                }
                octets.with_label_values(&labels).inc_by(link.octets);
                connected.with_label_values(&labels).set(link.connected);
                waiting.with_label_values(&labels).set(link.buffered_pdus);
                waiting_octets.with_label_values(&labels).set(link.buffered_octets);
                let counted = link
                    .named()
                    .filter(|(name, _)| !matches!(*name, "connected" | "buffered_pdus" | "buffered_octets"));
                for (event, count) in counted {
                    events.with_label_values(&[labels[0], labels[1], event]).inc_by(count);
                }
            }
        }
        self.0.register(Box::new(LatencyMetric::new(snapshot.latency)))
    }
}

/// The latency histogram, whose buckets are counted elsewhere.
struct LatencyMetric {
    desc: prometheus::core::Desc,
    snapshot: LatencySnapshot,
}

impl LatencyMetric {
    fn new(snapshot: LatencySnapshot) -> Self {
        let (opts, _) = declared("writ_latency_seconds");
        let (name, help) = (opts.name.clone(), opts.help.clone());
        #[expect(clippy::expect_used, reason = "a constant name without labels; the test of this module makes one")]
        let desc = prometheus::core::Desc::new(name, help, Vec::new(), Default::default()).expect("a valid name");
        Self { desc, snapshot }
    }
}

impl prometheus::core::Collector for LatencyMetric {
    fn desc(&self) -> Vec<&prometheus::core::Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let mut below = 0;
        let buckets = BOUNDS_MICROS.iter().zip(&self.snapshot.buckets).map(|(bound, count)| {
            below += count;
            let mut bucket = proto::Bucket::default();
            bucket.set_cumulative_count(below);
            bucket.set_upper_bound(*bound as f64 / 1e6);
            bucket
        });
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(self.snapshot.count());
        histogram.set_sample_sum(self.snapshot.sum_micros as f64 / 1e6);
        let mut metric = proto::Metric::default();
        metric.set_histogram(histogram);
        let mut family = proto::MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(proto::MetricType::HISTOGRAM);
        family.set_metric(vec![metric]);
        vec![family]
    }
}
