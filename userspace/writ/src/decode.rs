//! `writ decode`: prints PDUs from a file, whoever wrote it.

use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;

use anyhow::{Context as _, bail};
use writ_lemf::decryption::{Opened, open};
use writ_lemf::integrity::{Verifier, VerifierLimits};
use writ_lemf::record::Keys;
use writ_lemf::{End, decode_file, show};

use crate::cli;
use crate::receive::keys;

/// Runs `writ decode`.
pub fn run(arguments: &cli::Decode) -> anyhow::Result<()> {
    let file = arguments.file.display();
    let Keys { content: key, verifying } = keys(&arguments.keys)?;
    let mut verifier = Verifier::new(verifying, VerifierLimits::default());
    let mut closed = 0u64;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut failed = None;
    let summary = decode_file(&arguments.file, |found| {
        let opened = found.pdu.map(|pdu| open(pdu, key.as_ref()));
        let written = match &opened {
            Ok(Opened { pdu, byte_counter, unopened }) => {
                if let (Some(unopened), Some(_)) = (unopened, &key) {
                    closed += 1;
                    eprintln!("writ: {file}: octet {}: {unopened}", found.offset);
                }
                for finding in verifier.take(&found.octets, pdu) {
                    eprintln!("writ: {file}: octet {}: {finding}", found.offset);
                }
                if arguments.json {
                    writeln!(out, "{}", show::json_line(&show::json(pdu)))
                } else {
                    let counter = byte_counter.map(|counter| format!(", decrypted, byteCounter {counter}"));
                    let counter = counter.unwrap_or_default();
                    writeln!(
                        out,
                        "# octet {}: {} octets{counter}\n{}",
                        found.offset,
                        found.octets.len(),
                        show::text(pdu)
                    )
                }
            }
            Err(error) => {
                // Standard output stays what it is, one PDU after the other.
                eprintln!("writ: {file}: octet {}: {error}", found.offset);
                Ok(())
            }
        };
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })
    .with_context(|| file.to_string())?;
    let flushed = out.flush();
    match failed.map_or(flushed, Err) {
        // Whoever reads has seen enough (`| head`).
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
        other => other.context("standard output")?,
    }
    let (verified, findings) = verifier.finish();
    for finding in findings {
        eprintln!("writ: {file}: {finding}");
    }
    if verified.is_any() {
        eprintln!("writ: {file}: {verified}");
        if verified.hashes_closed > 0 {
            let (pdus, hashes) = (verified.closed, verified.hashes_closed);
            eprintln!("writ: {file}: {hashes} hashes not verified: {pdus} PDUs are encrypted, and need --key-file");
        }
    }
    if !summary.is_clean() {
        let end = match &summary.end {
            End::Whole => String::new(),
            end => format!("; {end}"),
        };
        bail!("{file}: {} PDUs decoded, {} malformed{end}", summary.decoded, summary.malformed);
    }
    if closed > 0 {
        bail!("{file}: {closed} PDUs could not be decrypted");
    }
    if !verified.is_clean() {
        bail!("{file}: not what was sent");
    }
    Ok(())
}
