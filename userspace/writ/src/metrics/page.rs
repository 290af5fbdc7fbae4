//! One scrape: metrics and counters into the families that the text encoder takes.

use std::time::Duration;

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric as Sample, MetricFamily, MetricType, Quantile, Summary,
};
use writ_handover::latency::{BOUNDS_MICROS, LatencySnapshot};
use writ_handover::stages::{QUANTILES, Stage, Stages};

use super::catalogue::{Kind, Metric, Series};

/// Counters by name, of one thing.
pub struct Counted {
    /// Values of the metrics' `of` labels.
    pub of: Vec<String>,
    /// The counters.
    pub counters: Vec<(&'static str, u64)>,
}

impl Counted {
    fn get(&self, counter: &str) -> Option<u64> {
        self.counters.iter().find(|(name, _)| *name == counter).map(|(_, count)| *count)
    }
}

/// A family for each metric, with its series of everything that was counted.
pub fn families(metrics: &[Metric], counted: &[Counted]) -> Vec<MetricFamily> {
    metrics
        .iter()
        .map(|metric| {
            let samples = counted.iter().flat_map(|counted| samples(metric, counted)).collect();
            family(metric, samples)
        })
        // The encoder refuses a family without a sample: an LEMF's, where there is none.
        .filter(|family| !family.get_metric().is_empty())
        .collect()
}

fn samples(metric: &Metric, counted: &Counted) -> Vec<Sample> {
    let of = || metric.of.iter().zip(&counted.of).map(|(label, value)| pair(label, value)).collect::<Vec<_>>();
    match metric.series {
        Series::One(counter) => {
            counted.get(counter).map(|count| sample(metric.kind, of(), count)).into_iter().collect()
        }
        Series::Each(label, rows) => rows
            .iter()
            .filter_map(|(counter, value)| {
                let mut labels = of();
                labels.push(pair(label, value));
                Some(sample(metric.kind, labels, counted.get(counter)?))
            })
            .collect(),
    }
}

fn sample(kind: Kind, labels: Vec<LabelPair>, count: u64) -> Sample {
    let mut sample = Sample::default();
    sample.set_label(labels);
    // Prometheus knows no integers: past 2^53 the last digits are rounded.
    let value = count as f64;
    match kind {
        Kind::Gauge => {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            sample.set_gauge(gauge);
        }
        Kind::Counter | Kind::Histogram | Kind::Summary => {
            let mut counter = Counter::default();
            counter.set_value(value);
            sample.set_counter(counter);
        }
    }
    sample
}

fn pair(label: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(label.to_owned());
    pair.set_value(value.to_owned());
    pair
}

fn family(metric: &Metric, samples: Vec<Sample>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(metric.name.to_owned());
    family.set_help(metric.help.to_owned());
    family.set_field_type(match metric.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
        Kind::Histogram => MetricType::HISTOGRAM,
        Kind::Summary => MetricType::SUMMARY,
    });
    family.set_metric(samples);
    family
}

/// The family of a histogram whose buckets are counted elsewhere.
pub fn histogram(metric: &Metric, snapshot: &LatencySnapshot) -> MetricFamily {
    let mut below = 0;
    let buckets = BOUNDS_MICROS.iter().zip(&snapshot.buckets).map(|(bound, count)| {
        below += count;
        let mut bucket = Bucket::default();
        bucket.set_cumulative_count(below);
        bucket.set_upper_bound(Duration::from_micros(*bound).as_secs_f64());
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(snapshot.count());
    histogram.set_sample_sum(snapshot.sum_micros as f64 / 1e6);
    let mut sample = Sample::default();
    sample.set_histogram(histogram);
    family(metric, vec![sample])
}

/// The family of the quantiles of each stage. A stage that nothing has come to has none but a count of 0.
pub fn summary(metric: &Metric, stages: &Stages) -> MetricFamily {
    let seconds = |micros: u64| micros as f64 / 1e6;
    let of_stage = |stage: Stage| {
        let counted = stages.snapshot(stage);
        let mut summary = Summary::default();
        summary.set_sample_count(counted.count);
        summary.set_sample_sum(seconds(counted.sum_micros));
        let quantiles = QUANTILES.iter().zip(counted.quantiles_micros).filter(|_| counted.count > 0);
        summary.set_quantile(
            quantiles
                .map(|(share, micros)| {
                    let mut quantile = Quantile::default();
                    quantile.set_quantile(*share);
                    quantile.set_value(seconds(micros));
                    quantile
                })
                .collect(),
        );
        let mut sample = Sample::default();
        sample.set_label(vec![pair("stage", stage.name())]);
        sample.set_summary(summary);
        sample
    };
    family(metric, Stage::ALL.map(of_stage).into())
}
