//! What is written is read twice, by Writ's own decoder and by a BER reader that knows nothing of it.

use writ_tests::{Oracle, Replay, Writ, by_ber_reader, by_writ, in_tree, in_tree_named};

#[test]
fn two_decoders_read_the_same() {
    let Some(oracle) = Oracle::find("two_decoders_read_the_same") else { return };
    let replay = Replay::of_all_in(oracle, &in_tree(), &["--authentication-data", "full"]);
    let (ours, theirs) = (by_writ(&replay), by_ber_reader(oracle, &replay));
    assert!(ours.len() > 1000);
    assert_eq!(ours.len(), theirs.len());
    for (one, other) in std::iter::zip(&ours, &theirs) {
        assert_eq!(one, other);
    }
}

#[test]
fn decode_prints_every_pdu() {
    let Some(oracle) = Oracle::find("decode_prints_every_pdu") else { return };
    let replay = Replay::of_all_in(oracle, &[in_tree_named("demo")], &[]);
    let pdus = oracle.ask("ber.py", &[replay.etsi().to_str().expect("a path in UTF-8")]).lines().count();
    let lines: Vec<serde_json::Value> = Writ::new("decode")
        .args(["--json".as_ref(), replay.etsi().as_os_str()])
        .succeed()
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert_eq!(lines.len(), pdus);
    let text = Writ::new("decode").args([replay.etsi()]).succeed();
    for word in ["alice@example.org", "e-mail-Recipients", "demo-2@example.com"] {
        assert!(text.contains(word), "{word} is in\n{text}");
    }
}

#[test]
fn decode_never_trusts_its_input() {
    let Some(oracle) = Oracle::find("decode_never_trusts_its_input") else { return };
    let replay = Replay::of_all_in(oracle, &[in_tree_named("demo")], &[]);
    let whole = replay.octets();
    let broken = replay.folder().join("broken.etsi");
    for at in (0..whole.len().min(3000)).step_by(37) {
        let mut octets = whole.clone();
        octets[at] ^= 0xff;
        std::fs::write(&broken, &octets).expect("a file is written");
        let output = Writ::new("decode").args([&broken]).output();
        assert!(output.status.code().is_some_and(|code| code <= 2), "octet {at} turned over: {}", output.status);
    }
}
