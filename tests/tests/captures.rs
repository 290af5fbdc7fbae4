//! Every capture in the tree, replayed under a warrant for each address and login in it, held against the oracle: each event that
//! is due and none that is not, every field of it, and the content octet for octet.

use writ_tests::{Comparison, Oracle, Replay, in_tree, in_tree_named};

#[test]
fn every_capture_yields_what_the_oracle_reads() {
    let Some(oracle) = Oracle::find("every_capture_yields_what_the_oracle_reads") else { return };
    let mut wrong = Vec::new();
    let mut delivered = 0;
    for capture in in_tree() {
        let Some(replay) = Replay::of_everybody(oracle, std::slice::from_ref(&capture), &[]) else { continue };
        match replay.compare(oracle, Comparison::Exact) {
            Ok(_) => delivered += 1,
            Err(differences) => wrong.push(format!("{}:\n{differences}", capture.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(delivered > 40, "only {delivered} captures have anybody in them");
}

#[test]
fn the_kept_expectations_are_what_the_oracle_reads() {
    let Some(oracle) = Oracle::find("the_kept_expectations_are_what_the_oracle_reads") else { return };
    let output = oracle.run("expect.py", ["--check"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn several_captures_in_one_replay_are_kept_apart() {
    let Some(oracle) = Oracle::find("several_captures_in_one_replay_are_kept_apart") else { return };
    let captures = ["demo", "relay-three-senders", "bdat-exim", "ipv6"].map(in_tree_named);
    let replay = Replay::of_everybody(oracle, &captures, &[]).expect("they have people in them");
    replay.compare(oracle, Comparison::Exact).expect("each is what it is alone");
}

#[test]
fn a_large_message_is_whole_and_in_segments() {
    let Some(oracle) = Oracle::find("a_large_message_is_whole_and_in_segments") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let capture = folder.path().join("large.pcap");
    oracle.ask("synth.py", [capture.as_os_str(), "--octets".as_ref(), "25000000".as_ref()]);
    let replay = Replay::of_everybody(oracle, &[capture], &[]).expect("it has people in it");
    replay.compare(oracle, Comparison::Exact).expect("25 MB come through whole");
}
