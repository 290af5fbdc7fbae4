//! `writ lemf`: the reference receiver.

use std::net::ToSocketAddrs as _;

use anyhow::Context as _;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use writ_lemf::{Settings, receive};

use crate::cli;

/// Runs `writ lemf` until SIGTERM or SIGINT.
pub fn run(arguments: &cli::Lemf) -> anyhow::Result<()> {
    let listen = arguments.listen.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    let listen = listen.with_context(|| format!("--listen {}: expected HOST:PORT", arguments.listen))?;
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let summary = runtime.block_on(async {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        anyhow::Ok(receive(listen, arguments.store.clone(), Settings::default(), shutdown).await?)
    })?;
    println!("{summary}");
    Ok(())
}
