//! `writ decode`: prints PDUs from a file, whoever wrote it.

use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;

use anyhow::{Context as _, bail};
use writ_lemf::{End, decode_file, show};

use crate::cli;

/// Runs `writ decode`.
pub fn run(arguments: &cli::Decode) -> anyhow::Result<()> {
    let file = arguments.file.display();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut failed = None;
    let summary = decode_file(&arguments.file, |found| {
        let written = match &found.pdu {
            Ok(pdu) if arguments.json => writeln!(out, "{}", show::json_line(&show::json(pdu))),
            Ok(pdu) => writeln!(out, "# octet {}: {} octets\n{}", found.offset, found.octets.len(), show::text(pdu)),
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
    if !summary.is_clean() {
        let end = match &summary.end {
            End::Whole => String::new(),
            end => format!("; {end}"),
        };
        bail!("{file}: {} PDUs decoded, {} malformed{end}", summary.decoded, summary.malformed);
    }
    Ok(())
}
