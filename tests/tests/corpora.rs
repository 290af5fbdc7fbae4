//! The captures that lie beside the tree, held against the oracle. Absent, they are skipped, and the skip is said.

use std::path::PathBuf;

use writ_tests::{Comparison, Corpus, Oracle, Replay, Writ, corpora, skip};

fn all_agree(test: &str, corpus: Corpus, how: Comparison, leave: &[(&str, &str)]) {
    let Some(captures) = corpora(corpus) else {
        return skip(test, "the captures are not beside the tree (WRIT_CORPORA)");
    };
    let Some(oracle) = Oracle::find(test) else { return };
    let mut wrong = Vec::new();
    let mut delivered = 0;
    for capture in captures {
        let name = capture.to_string_lossy().into_owned();
        if let Some((_, why)) = leave.iter().find(|(end, _)| name.ends_with(end)) {
            skip(&name, why);
            continue;
        }
        let Some(replay) = Replay::of_everybody(oracle, std::slice::from_ref(&capture), &[]) else { continue };
        match replay.compare(oracle, how) {
            Ok(_) => delivered += 1,
            Err(differences) => wrong.push(format!("{name}:\n{differences}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(delivered > 3, "only {delivered} captures have anybody in them");
}

#[test]
fn live_captures_agree_with_the_oracle() {
    all_agree("live_captures_agree_with_the_oracle", Corpus::Live, Comparison::Exact, &[]);
}

#[test]
fn public_captures_agree_with_the_oracle() {
    let leave = [
        ("arkime_synthetic.pcap", "tunnels: the oracle sees the innermost addresses, and the plan has no tunnels yet"),
        ("smtp-decrypted.pcap", "tshark decrypts its sessions with keys that the file carries"),
    ];
    all_agree("public_captures_agree_with_the_oracle", Corpus::Mail, Comparison::OnlyWhole, &leave);
}

#[test]
fn captures_without_mail_yield_nothing_and_end() {
    let test = "captures_without_mail_yield_nothing_and_end";
    let Some(captures) = corpora(Corpus::Wire) else {
        return skip(test, "the captures are not beside the tree (WRIT_CORPORA)");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let warrants = folder.path().join("warrants.toml");
    std::fs::write(&warrants, EVERYWHERE).expect("a warrants file is written");
    let mut wrong: Vec<(PathBuf, String)> = Vec::new();
    for capture in captures {
        let out = folder.path().join("out.etsi");
        let output = Writ::new("replay")
            .args([&capture])
            .args(["--warrants".as_ref(), warrants.as_os_str(), "--out".as_ref(), out.as_os_str()])
            .output();
        // A cut-off file is one error line and exit 0 or 1; a panic or a signal is neither.
        if !matches!(output.status.code(), Some(0 | 1)) {
            wrong.push((capture, format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))));
        } else if std::fs::metadata(&out).is_ok_and(|file| file.len() > 0) && !speaks_smtp(&capture) {
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

/// Whether tshark finds an SMTP command or reply in it.
fn speaks_smtp(capture: &std::path::Path) -> bool {
    std::process::Command::new("tshark")
        .arg("-r")
        .arg(capture)
        .args(["-Y", "tcp.port in {25, 587, 2525} && tcp.len > 0", "-c", "100000"])
        .output()
        .is_ok_and(|output| !output.stdout.is_empty())
}
