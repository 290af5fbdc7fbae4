//! POP3: captures between real clients and servers, and those that lie beside the tree, held against a list of what is due of each.

use std::path::{Path, PathBuf};

use writ_tests::{Corpus, Oracle, build_writ, corpora, in_tree_folder, skip};

fn agree(oracle: Oracle, list: &str, captures: &[PathBuf]) {
    let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/pop3").join(list);
    let args: Vec<String> =
        [build_writ(), &list].into_iter().chain(captures.iter().map(PathBuf::as_path)).map(text).collect();
    let said = oracle.ask("pop3_check.py", &args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(said.contains(" 0 differences"), "{said}");
}

#[test]
fn every_capture_of_pop3_yields_what_is_due() {
    let Some(oracle) = Oracle::find("every_capture_of_pop3_yields_what_is_due") else { return };
    let captures = in_tree_folder("pop3");
    assert!(captures.len() > 20, "only {} captures", captures.len());
    agree(oracle, "expected.txt", &captures);
}

/// The captures with POP3 in them; others hold none, or are of another shape each time they are made.
const BESIDE: [&str; 8] = [
    "20-pop3-poplib-user-pass-retr-top-dele.pcap",
    "22-pop3-stls-curl.pcap",
    "25-pop3s-995.pcap",
    "40-combined-session.pcap",
    "pop3-unknown-commands.pcap",
    "bad-list-retr-crafted.pcap",
    "pop3-starttls.pcap",
    "ntlm_synthetic.pcap",
];

#[test]
fn captures_of_pop3_beside_the_tree_yield_what_is_due() {
    let test = "captures_of_pop3_beside_the_tree_yield_what_is_due";
    let (Some(live), Some(mail)) = (corpora(Corpus::Live), corpora(Corpus::Mail)) else {
        return skip(test, "no captures beside the tree (WRIT_CORPORA)");
    };
    let Some(oracle) = Oracle::find(test) else { return };
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| BESIDE.iter().any(|known| name == *known));
    let captures: Vec<_> = live.into_iter().chain(mail).filter(named).collect();
    assert_eq!(captures.len(), BESIDE.len(), "{captures:?}");
    agree(oracle, "expected-beside.txt", &captures);
}
