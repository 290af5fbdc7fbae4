//! IMAP4: captures between real clients and servers, and those that lie beside the tree, replayed under a warrant for every address and one
//! for each user, and held against the oracle's reading of them.

use std::path::PathBuf;

use writ_tests::{Corpus, Oracle, build_writ, corpora, in_tree_folder, skip};

fn agree(oracle: Oracle, captures: &[PathBuf]) {
    agree_by(oracle, "imap_check.py", captures);
}

fn agree_by(oracle: Oracle, check: &str, captures: &[PathBuf]) {
    let writ = build_writ().to_str().expect("a path in UTF-8");
    let captures = captures.iter().map(|capture| capture.to_str().expect("a path in UTF-8"));
    let said = oracle.ask(check, &std::iter::once(writ).chain(captures).collect::<Vec<_>>());
    assert!(said.contains(" 0 differences"), "{said}");
}

#[test]
fn every_capture_of_imap4_yields_what_the_oracle_reads() {
    let Some(oracle) = Oracle::find("every_capture_of_imap4_yields_what_the_oracle_reads") else { return };
    let captures = in_tree_folder("imap");
    assert!(captures.len() > 50, "only {} captures", captures.len());
    agree(oracle, &captures);
}

#[test]
fn what_a_submission_server_fetched_is_in_the_message() {
    let Some(oracle) = Oracle::find("what_a_submission_server_fetched_is_in_the_message") else { return };
    let captures: Vec<_> = in_tree_folder("imap")
        .into_iter()
        .filter(|capture| capture.ends_with("forward-without-download.pcap"))
        .collect();
    assert_eq!(captures.len(), 1);
    agree_by(oracle, "forward_check.py", &captures);
}

#[test]
fn live_captures_of_imap4_agree_with_the_oracle() {
    let test = "live_captures_of_imap4_agree_with_the_oracle";
    let Some(captures) = corpora(Corpus::Live) else { return skip(test, "no captures beside the tree (WRIT_CORPORA)") };
    let Some(oracle) = Oracle::find(test) else { return };
    agree(oracle, &captures);
}
