//! `writ mediate`: from the broker to the LEMFs, until SIGTERM.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use writ_handover::{Mediation, MediationSettings};

use crate::cli;
use crate::config::{Config, ConfigError};
use crate::live::pin;
use crate::metrics;

/// How long LEMFs have at the end to take what was taken from the broker.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs `writ mediate`.
pub fn run(arguments: &cli::Mediate) -> anyhow::Result<()> {
    let file = &arguments.config;
    let config = Config::read_to_run(file)?;
    if let Some(lacking) = config.lacking_to_mediate() {
        return Err(ConfigError::at(file, 1, format!("{lacking} (needed to mediate)")).into());
    }
    let pinned = config.cores.delivery;
    let mediation = Mediation::start(MediationSettings {
        handover: config.handover.clone().unwrap_or_default(),
        lemfs: config.lemf.clone(),
        on_thread_start: Some(Arc::new(move || pin(pinned, "mediation"))),
    })?;
    let seen = metrics::Seen {
        published: Vec::new(),
        interfaces: Arc::new(Mutex::new(Vec::new())),
        delivery: mediation.counters(),
        buffers: config.lemf.iter().map(|lemf| lemf.buffer as u64).collect(),
        warranted: None,
        ingest: None,
    };
    tracing::info!("mediating");
    let control = runtime::Builder::new_current_thread().enable_all().build()?;
    control.block_on(until_terminated(&config, seen))?;
    tracing::info!("ending");
    mediation.drain(DRAIN);
    Ok(())
}

async fn until_terminated(config: &Config, seen: metrics::Seen) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    if let Some(metrics) = &config.metrics {
        let listener = tokio::net::TcpListener::bind(metrics.listen).await;
        let listener = listener.with_context(|| format!("metrics.listen {}", metrics.listen))?;
        tokio::spawn(metrics::serve(listener, seen));
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
