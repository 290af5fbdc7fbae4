//! The captures that lie beside the tree, held against the oracle. Absent, they are skipped, and the skip is said.

use std::path::{Path, PathBuf};
use std::process::Command;

use writ_tests::{Comparison, Corpus, Oracle, Replay, Writ, corpora, skip};

fn all_agree(test: &str, corpus: Corpus, how: Comparison, leave: &[(&str, &str)]) {
    let Some(captures) = corpora(corpus) else { return skip(test, "no captures beside the tree (WRIT_CORPORA)") };
    let Some(oracle) = Oracle::find(test) else { return };
    let mut groups = Vec::new();
    for capture in captures {
        match leave.iter().find(|(end, _)| capture.ends_with(end)) {
            Some((_, why)) => skip(&capture.display().to_string(), why),
            None => groups.push(vec![capture]),
        }
    }
    let replays: Vec<_> = Replay::of_everybody(oracle, &groups, &[]).into_iter().flatten().collect();
    assert!(replays.len() > 3, "only {} captures have anybody in them", replays.len());
    let delivered: Vec<_> = replays.iter().map(Replay::delivered).collect();
    let wrong: Vec<_> = std::iter::zip(&delivered, oracle.compare(&delivered, how))
        .filter_map(|(one, said)| Some(format!("{:?}:\n{}", one.captures, said.err()?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn live_captures_agree_with_the_oracle() {
    all_agree("live_captures_agree_with_the_oracle", Corpus::Live, Comparison::Exact, &[]);
}

#[test]
fn public_captures_agree_with_the_oracle() {
    let leave = [
        ("arkime_synthetic.pcap", "tunnels: the oracle sees the innermost addresses, and tunnels are still to come"),
        ("smtp-decrypted.pcap", "tshark decrypts its sessions with keys that the file carries"),
    ];
    all_agree("public_captures_agree_with_the_oracle", Corpus::Mail, Comparison::OnlyWhole, &leave);
}

#[test]
fn captures_without_mail_yield_nothing_and_end() {
    let test = "captures_without_mail_yield_nothing_and_end";
    let Some(captures) = corpora(Corpus::Wire) else { return skip(test, "no captures beside the tree (WRIT_CORPORA)") };
    let folder = tempfile::tempdir().expect("a folder");
    let warrants = folder.path().join("warrants.toml");
    std::fs::write(&warrants, EVERYWHERE).expect("a warrants file is written");
    let out = folder.path().join("out.etsi");
    let mut wrong: Vec<(PathBuf, String)> = Vec::new();
    for capture in captures {
        let output = Writ::new("replay")
            .args([&capture])
            .args([Path::new("--warrants"), &warrants, Path::new("--out"), &out])
            .output();
        // A cut-off file, or one that is no capture of IP, is an error line and exit 1; a panic or a signal is neither.
        if !matches!(output.status.code(), Some(0 | 1)) {
            wrong.push((capture, format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))));
        } else if std::fs::metadata(&out).is_ok_and(|file| file.len() > 0) && !has_mail_ports(&capture) {
            wrong.push((capture, "yields PDUs".to_owned()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A warrant for every address of the internet: whatever sends mail is its target.
const EVERYWHERE: &str = r#"
[[warrant]]
liid = "ALL"
authorization_country = "NL"
start = 1970-01-01T00:00:00Z
end = 2100-01-01T00:00:00Z
deliver = "iri+cc"
cc_format = "application"
authentication_data = "full"
lemf = "lea-1"
targets = [{ ip = "0.0.0.0/0" }, { ip = "::/0" }]
"#;

/// Whether tshark finds octets on a port of SMTP in it.
fn has_mail_ports(capture: &Path) -> bool {
    Command::new("tshark")
        .arg("-r")
        .arg(capture)
        .args(["-Y", "tcp.port in {25, 587, 2525} && tcp.len > 0"])
        .output()
        .is_ok_and(|output| !output.stdout.is_empty())
}
