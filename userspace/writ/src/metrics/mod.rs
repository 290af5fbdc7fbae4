//! What Prometheus reads. No label and no value tells an identity.

mod catalogue;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::proto::MetricFamily;
use prometheus::{Encoder as _, TEXT_FORMAT, TextEncoder};
use tokio::net::TcpListener;
use writ_handover::pdu::Interface as Handover;
use writ_handover::{Counters, Snapshot};

use crate::clock::now;
use crate::ingest;
use crate::live::{Interfaces, Published, Warranted};
use crate::report::{PROTOCOLS, Tally};
use page::{Counted, families, histogram, summary};

/// Everything that metrics are made of.
#[derive(Clone)]
pub struct Seen {
    /// The lanes.
    pub published: Vec<Arc<Published>>,
    /// The interfaces.
    pub interfaces: Interfaces,
    /// The delivery core.
    pub delivery: Arc<Counters>,
    /// Octets that each LEMF's buffers hold, in the order of the LEMFs.
    pub buffers: Vec<u64>,
    /// The warrants; a mediator has none.
    pub warranted: Option<Arc<Warranted>>,
    /// The ingest endpoint, if there is one.
    pub ingest: Option<Arc<ingest::Counters>>,
}

/// Serves `/metrics` for as long as the process runs.
pub async fn serve(listener: TcpListener, seen: Seen) {
    let started = now().seconds();
    let router = Router::new().route("/metrics", get(move || std::future::ready(scrape(&seen, started))));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!("metrics: {error}");
    }
}

fn scrape(seen: &Seen, started: u64) -> Response {
    let mut text = Vec::new();
    match TextEncoder::new().encode(&gather(seen, started), &mut text) {
        Ok(()) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Makes all metrics anew from the counters: there is one truth, and it is where things are counted.
fn gather(seen: &Seen, started: u64) -> Vec<MetricFamily> {
    let snapshot = seen.delivery.snapshot();
    let mut tally = Tally::default();
    seen.published.iter().for_each(|lane| tally.add(&lane.tally()));
    let (packets, octets) = verdicts(seen);
    let of_process = |counters| vec![Counted { of: Vec::new(), counters }];
    [
        families(
            catalogue::BUILD,
            &[Counted { of: vec![env!("CARGO_PKG_VERSION").into()], counters: vec![("build", 1)] }],
        ),
        families(catalogue::HOST, &of_process(host(started))),
        families(catalogue::XDP_PACKETS, &packets),
        families(catalogue::XDP_OCTETS, &octets),
        families(catalogue::QUEUES, &queues(seen)),
        families(catalogue::PROCESS, &of_process(process(&tally, &snapshot))),
        families(catalogue::ANOMALIES, &anomalies(tally)),
        families(
            catalogue::WARRANTS,
            &seen.warranted.iter().flat_map(|warranted| of_process(warranted.counters(now()))).collect::<Vec<_>>(),
        ),
        families(catalogue::INGEST, &of_process(seen.ingest.clone().unwrap_or_default().named())),
        families(catalogue::LINKS, &links(&snapshot)),
        families(catalogue::BUFFERS, &buffers(&snapshot, &seen.buffers)),
        vec![histogram(&catalogue::LATENCY, &snapshot.latency), summary(&catalogue::STAGES, seen.delivery.stages())],
    ]
    .concat()
}

/// Packets, and octets, by queue and verdict.
fn verdicts(seen: &Seen) -> (Vec<Counted>, Vec<Counted>) {
    let (mut packets, mut octets): (Vec<Counted>, Vec<Counted>) = Default::default();
    let interfaces = seen.interfaces.lock();
    for interface in interfaces.iter().flat_map(|interfaces| interfaces.iter()) {
        for count in interface.verdicts().unwrap_or_default() {
            let queue = count.queue.map_or_else(|| "other".to_owned(), |queue| queue.to_string());
            let of = vec![interface.name().to_owned(), queue];
            for (all, value) in [(&mut packets, count.packets), (&mut octets, count.octets)] {
                all.push(Counted { of: of.clone(), counters: vec![(count.verdict.name(), value)] });
            }
        }
    }
    (packets, octets)
}

fn queues(seen: &Seen) -> Vec<Counted> {
    let of_lane = |lane: &Arc<Published>| {
        let ring = lane.ring();
        Counted {
            of: vec![lane.interface.clone(), lane.queue.to_string()],
            counters: vec![
                ("frames", ring.frames),
                ("octets", ring.octets),
                ("too_long", ring.too_long),
                ("no_frame", ring.no_frame),
                ("rx_ring_full", ring.rx_ring_full),
                ("rx_invalid_descs", ring.rx_invalid_descs),
                ("rx_fill_ring_empty_descs", ring.rx_fill_ring_empty_descs),
            ],
        }
    };
    seen.published.iter().map(of_lane).collect()
}

fn process(tally: &Tally, snapshot: &Snapshot) -> Vec<(&'static str, u64)> {
    let mut counters = [tally.wire.as_slice(), &tally.intercept].concat();
    counters.extend(snapshot.core.named());
    counters.extend([("open_flows", tally.open_flows), ("held_octets", tally.held_octets)]);
    counters
}

fn anomalies(tally: Tally) -> Vec<Counted> {
    let each = PROTOCOLS.iter().zip(tally.anomalies);
    each.map(|(protocol, counters)| Counted { of: vec![(*protocol).to_owned()], counters }).collect()
}

fn links(snapshot: &Snapshot) -> Vec<Counted> {
    let each = snapshot.lemfs.iter().flat_map(|lemf| Handover::ALL.map(|interface| (lemf, interface)));
    each.map(|(lemf, interface)| of_link(&lemf.name, interface, lemf.of(interface).named().collect())).collect()
}

/// What the buffers hold at most: each LEMF has two of one size.
fn buffers(snapshot: &Snapshot, limits: &[u64]) -> Vec<Counted> {
    let each = snapshot.lemfs.iter().zip(limits);
    let both = each.flat_map(|(lemf, limit)| Handover::ALL.map(|interface| (lemf, interface, *limit)));
    both.map(|(lemf, interface, limit)| of_link(&lemf.name, interface, vec![("buffer", limit)])).collect()
}

fn of_link(lemf: &str, interface: Handover, counters: Vec<(&'static str, u64)>) -> Counted {
    Counted { of: vec![lemf.to_owned(), interface.name().to_owned()], counters }
}

/// What the kernel says of the process.
fn host(started: u64) -> Vec<(&'static str, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB")?.trim().parse().ok());
    let mut counters = vec![("started", started)];
    counters.extend(resident.map(|kib: u64| ("resident", kib * 1024)));
    counters
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use writ_handover::LinkSnapshot;
    use writ_mail::access;
    use writ_mail::smtp::Anomaly;

    use super::catalogue::{ANOMALIES, Kind, LATENCY, LINKS, Metric, PROCESS, Series, XDP_OCTETS, XDP_PACKETS, all};
    use super::*;

    /// Counters of the code that no metric shows, and why.
    const LEFT_OUT: [(&str, &str); 2] = [
        ("frames", "the sum of the classes of writ_frames_total"),
        ("files_failed", "a live run writes no files of PDUs"),
    ];

    /// The counters that metrics show, each once.
    fn shown(metrics: &[Metric]) -> BTreeSet<&'static str> {
        let mut shown = BTreeSet::new();
        for metric in metrics {
            let counters = match metric.series {
                Series::One(counter) => vec![counter],
                Series::Each(_, rows) => rows.iter().map(|(counter, _)| *counter).collect(),
            };
            for counter in counters {
                assert!(shown.insert(counter), "{counter} is shown twice");
            }
        }
        shown
    }

    #[test]
    fn every_counter_of_the_code_is_shown_once() {
        let mut wire = Vec::new();
        writ_wire::Counters::default().each(|name, _| wire.push((name, 0)));
        let mut intercept = Vec::new();
        writ_intercept::Counters::default().each(|name, _| intercept.push((name, 0)));
        let skipped = [
            "unknown_link",
            "carried",
            "carry_dropped",
            "given_up",
            "records_dropped",
            "let_go_packets",
            "let_go_failed",
            "let_go_gave_way",
            "let_go_evicted",
            "let_go_no_room",
        ]
        .map(|name| (name, 0));
        let tally = Tally { wire, intercept: [&intercept[..], &skipped].concat(), ..Tally::default() };
        let counted = process(&tally, &Snapshot::default());
        let names: BTreeSet<_> = counted.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), counted.len(), "no two counters of the process have one name");
        let left_out: BTreeSet<_> = LEFT_OUT.iter().map(|(name, _)| *name).collect();
        assert_eq!(&shown(PROCESS) | &left_out, names);

        assert_eq!(shown(LINKS), LinkSnapshot::default().named().map(|(name, _)| name).collect());
        let of_access = access::Anomaly::ALL.iter().map(|kind| kind.name());
        assert_eq!(shown(ANOMALIES), Anomaly::ALL.iter().map(|kind| kind.name()).chain(of_access).collect());
        assert_eq!(shown(XDP_PACKETS), shown(XDP_OCTETS));
    }

    #[test]
    fn names_are_those_of_prometheus() {
        let mut names = BTreeSet::new();
        for Metric { name, kind, help, .. } in all() {
            assert!(names.insert(name), "{name} is there twice");
            assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
            assert!(name.starts_with("writ_") || name.starts_with("process_"), "{name}");
            assert!(help.ends_with('.'), "{name}: {help}");
        }
    }

    #[test]
    fn a_page_is_written_as_text() {
        let link = |name: &str| Counted {
            of: vec![name.to_owned(), "hi2".to_owned()],
            counters: LinkSnapshot { connected: 1, iri: 7, ..LinkSnapshot::default() }.named().collect(),
        };
        let mut text = Vec::new();
        let mut page = families(LINKS, &[link("lea-1"), link("lea-2")]);
        page.push(histogram(&LATENCY, &Default::default()));
        TextEncoder::new().encode(&page, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(
            "# TYPE writ_delivery_connected gauge\nwrit_delivery_connected{lemf=\"lea-1\",handover=\"hi2\"} 1\n"
        ));
        assert!(text.contains("writ_pdus_total{lemf=\"lea-2\",handover=\"hi2\",kind=\"iri\"} 7\n"), "{text}");
        assert!(text.contains("writ_delivery_latency_seconds_bucket{le=\"+Inf\"} 0\n"), "{text}");
        assert!(families(LINKS, &[]).is_empty());
    }

    #[test]
    fn the_process_says_how_large_it_is() {
        let counters = host(7);
        assert!(counters.contains(&("started", 7)));
        assert!(counters.iter().any(|(name, octets)| *name == "resident" && *octets > 1 << 20));
    }
}
