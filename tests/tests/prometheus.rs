//! Writ as a real Prometheus sees it: what is scraped, every query of the dashboard, every alert. `tests/prometheus.sh` sets the
//! network up and asks; this test gives it the program, and holds what was scraped against the list of metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use writ_tests::{build_writ, skip};

#[path = "../../userspace/writ/src/metrics/catalogue.rs"]
#[allow(missing_docs, reason = "documented where it is used")]
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

/// Every metric of the catalogue is there, of its type and with its labels, and no other.
fn holds_every_metric(scrape: &str) {
    let mut types = BTreeMap::new();
    let mut labels: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for line in scrape.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            types.insert(name, kind);
        } else if !line.starts_with('#') {
            let (series, _) = line.rsplit_once(' ').expect("a sample has a value");
            let (name, pairs) = series.split_once('{').unwrap_or((series, "}"));
            let last = pairs.trim_end_matches('}').rsplit(',').next().unwrap_or_default();
            labels.entry(name).or_default().insert(last.to_owned());
        }
    }
    let known: BTreeSet<_> = catalogue::all().map(|metric| metric.name).collect();
    assert_eq!(known, types.keys().copied().collect(), "the catalogue on the left, the scrape on the right");
    for Metric { name, kind, series, .. } in catalogue::all() {
        let expected = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        assert_eq!(types[name], expected, "{name}");
        if let Series::Each(label, rows) = series {
            let expected: BTreeSet<_> = rows.iter().map(|(_, value)| format!("{label}=\"{value}\"")).collect();
            assert_eq!(labels[name], expected, "{name}: all values from the start, and no other");
        }
    }
}
