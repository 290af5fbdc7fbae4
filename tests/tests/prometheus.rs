//! Writ as a real Prometheus sees it: what is scraped, every query of the dashboard, every alert. `tests/prometheus.sh` sets the
//! network up and asks; this test gives it the program, and holds what was scraped against the list of metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use writ_tests::{build_writ, skip};

#[path = "../../userspace/writ/src/metrics/catalogue.rs"]
#[allow(dead_code, reason = "which counter a series is, only the program needs to know")]
mod catalogue;

use catalogue::{Kind, Metric, Series};

/// What the script ends with where it cannot run.
const CANNOT_RUN: i32 = 77;

#[test]
fn prometheus_reads_what_writ_shows() {
    let folder = TempDir::new().expect("a folder for one test");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("prometheus.sh");
    let output = Command::new(script).arg(folder.path()).env("WRIT", build_writ()).output().expect("bash runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(CANNOT_RUN) {
        let why = said.lines().find_map(|line| line.strip_prefix("SKIPPED: prometheus: ")).unwrap_or("no reason given");
        return skip("prometheus_reads_what_writ_shows", why);
    }
    assert!(output.status.success(), "{said}");
    print!("{said}");
    let scrape = std::fs::read_to_string(folder.path().join("scrape.txt")).expect("the script keeps what it scraped");
    holds_every_metric(&scrape);
}

/// Every metric of the catalogue is there, of its type, with its words and labels, and no other.
fn holds_every_metric(scrape: &str) {
    let (mut types, mut words) = (BTreeMap::new(), BTreeMap::new());
    let mut labels: BTreeMap<&str, BTreeSet<Vec<(&str, &str)>>> = BTreeMap::new();
    for line in scrape.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            types.insert(name, kind);
        } else if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|line| line.split_once(' ')) {
            words.insert(name, help);
        } else {
            let (series, _) = line.rsplit_once(' ').expect("a sample has a value");
            let (name, pairs) = series.split_once('{').unwrap_or((series, "}"));
            let pairs = pairs.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('='));
            labels
                .entry(name)
                .or_default()
                .insert(pairs.map(|(label, value)| (label, value.trim_matches('"'))).collect());
        }
    }
    let known: BTreeSet<_> = catalogue::all().map(|metric| metric.name).collect();
    assert_eq!(known, types.keys().copied().collect(), "the catalogue on the left, the scrape on the right");
    for Metric { name, kind, help, of, series } in catalogue::all() {
        let expected = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        };
        assert_eq!((types[name], words[name]), (expected, help), "{name}");
        if matches!(kind, Kind::Histogram | Kind::Summary) {
            continue;
        }
        let mut expected = of.to_vec();
        if let Series::Each(label, rows) = series {
            expected.push(label);
            let found: BTreeSet<_> =
                labels[name].iter().filter_map(|pairs| pairs.last()).map(|(_, value)| *value).collect();
            let all = rows.iter().map(|(_, value)| *value).collect();
            assert_eq!(found, all, "{name}: all values from the start, and no other");
        }
        for pairs in &labels[name] {
            assert_eq!(pairs.iter().map(|(label, _)| *label).collect::<Vec<_>>(), expected, "{name}");
        }
    }
}
