//! `writ lemf`: the reference receiver.

use std::io::{self, Write as _};
use std::net::ToSocketAddrs as _;
use std::path::Path;

use anyhow::Context as _;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use writ_lemf::decryption::ContentKey;
use writ_lemf::integrity::VerifyingKey;
use writ_lemf::record::Keys;
use writ_lemf::{Acknowledge, ServerTls, Settings, Unblocked, receive};

use crate::cli;

/// Runs `writ lemf` until SIGTERM or SIGINT.
pub fn run(arguments: &cli::Lemf) -> anyhow::Result<()> {
    let listen = arguments.listen.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    let listen = listen.with_context(|| format!("--listen {}: expected HOST:PORT", arguments.listen))?;
    let tls = match (&arguments.tls_certificate, &arguments.tls_key, &arguments.tls_client_ca) {
        (Some(certificate), Some(key), Some(client_ca)) => Some(ServerTls::read(certificate, key, client_ca, false)?),
        // The command line takes all three or none.
        _ => None,
    };
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let summary = runtime.block_on(async {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        // Who looks at the lines must not hold up what is received and stored.
        let keys = keys(&arguments.keys)?;
        let acknowledge = match arguments.acknowledge {
            cli::Acknowledge::Accept => Acknowledge::Accept,
            cli::Acknowledge::Decline => Acknowledge::Decline,
            cli::Acknowledge::Never => Acknowledge::Never,
        };
        let out = Box::new(Unblocked::new(io::stdout())?);
        let settings = Settings { out, keys, acknowledge, tls, ..Settings::default() };
        anyhow::Ok(receive(listen, arguments.store.clone(), settings, shutdown).await?)
    })?;
    writeln!(Unblocked::new(io::stdout())?, "{summary}")?;
    Ok(())
}

/// Reads the keys that the command line names.
pub fn keys(arguments: &cli::Keys) -> anyhow::Result<Keys> {
    let named = |option: &str, file: &Path| format!("--{option} {}", file.display());
    let content = arguments.key_file.as_deref();
    let content = content.map(|file| ContentKey::read(file).with_context(|| named("key-file", file)));
    let verifying = arguments.verify_key.as_deref();
    let verifying = verifying.map(|file| VerifyingKey::read(file).with_context(|| named("verify-key", file)));
    Ok(Keys { content: content.transpose()?, verifying: verifying.transpose()? })
}
