//! Every capture in the tree, replayed under a warrant for each address, login and client in it, held against the oracle: each event
//! that is due and none that is not, every field of it, and the content octet for octet.

use writ_tests::{Comparison, Oracle, Replay, in_tree, in_tree_named};

#[test]
fn every_capture_yields_what_the_oracle_reads() {
    let Some(oracle) = Oracle::find("every_capture_yields_what_the_oracle_reads") else { return };
    let groups: Vec<_> = in_tree().into_iter().map(|capture| vec![capture]).collect();
    let replays: Vec<_> = Replay::of_everybody(oracle, &groups, &[]).into_iter().flatten().collect();
    assert!(replays.len() > 50, "only {} captures have anybody in them", replays.len());
    let delivered: Vec<_> = replays.iter().map(Replay::delivered).collect();
    let wrong: Vec<_> = std::iter::zip(&delivered, oracle.compare(&delivered, Comparison::Exact))
        .filter_map(|(one, said)| Some(format!("{:?}:\n{}", one.captures, said.err()?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_kept_expectations_are_what_the_oracle_reads() {
    let Some(oracle) = Oracle::find("the_kept_expectations_are_what_the_oracle_reads") else { return };
    oracle.ask("expect.py", &["--check"]);
}

#[test]
fn several_captures_in_one_replay_are_kept_apart() {
    let Some(oracle) = Oracle::find("several_captures_in_one_replay_are_kept_apart") else { return };
    let captures = ["demo", "relay-three-senders", "bdat-exim", "ipv6"].map(in_tree_named);
    Replay::of_all_in(oracle, &captures, &[]).compare(oracle, Comparison::Exact).expect("each is what it is alone");
}

#[test]
fn a_large_message_is_whole_and_in_segments() {
    let Some(oracle) = Oracle::find("a_large_message_is_whole_and_in_segments") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let capture = folder.path().join("large.pcap");
    oracle.ask("synth.py", &[capture.to_str().expect("a path in UTF-8"), "--octets", "25000000"]);
    Replay::of_all_in(oracle, &[capture], &[]).compare(oracle, Comparison::Exact).expect("25 MB come through whole");
}
