//! The same sessions as other taps would have seen them: nothing that is handed over changes but times; where octets are missing,
//! nothing is invented.

use std::path::PathBuf;

use writ_tests::{Comparison, Oracle, Replay, by_writ, in_tree_named};

/// Captures with what is hard in them, small enough to be replayed many times over.
const SESSIONS: [&str; 8] = [
    "demo",
    "relay-three-senders",
    "bdat-pipelined",
    "bdat-three-chunks",
    "message-ids",
    "auth-failed-then-good",
    "binarymime-nul",
    "rset-between",
];

fn mutated(oracle: Oracle, kind: &str, seeds: u32, how: Comparison) {
    let mut wrong = Vec::new();
    for name in SESSIONS {
        let original = in_tree_named(name);
        let base = Replay::of_everybody(oracle, std::slice::from_ref(&original), &[]).expect("it has people in it");
        for seed in 1..=seeds {
            let capture = oracle.mutate(kind, &original, base.folder(), seed);
            // Who is in it, and what is due, is read from the original: what other taps saw was the same session.
            let warrants = std::fs::read_to_string(&base.warrants).expect("a warrants file");
            let mut replay = Replay::under(&warrants, &[capture]);
            replay.captures = vec![original.clone()];
            if let Err(differences) = replay.compare(oracle, how) {
                wrong.push(format!("{name}, {kind}, seed {seed}:\n{differences}"));
            } else if how != Comparison::AtMost && shape(&replay) != shape(&base) {
                wrong.push(format!("{name}, {kind}, seed {seed}: records differ from those of the original"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The IRI without times, and the content of each communication put together.
fn shape(replay: &Replay) -> Vec<String> {
    use base64::Engine as _;
    let mut lines = Vec::new();
    let mut content = std::collections::BTreeMap::<String, Vec<u8>>::new();
    for record in by_writ(replay) {
        if record["kind"] == "cc" {
            let key = format!("{} {} {}", record["liid"], record["cin"], record["direction"]);
            let octets = record["content"].as_str().expect("content is text");
            content
                .entry(key)
                .or_default()
                .extend(base64::engine::general_purpose::STANDARD.decode(octets).expect("base64"));
        } else {
            let mut record = record;
            let fields = record.as_object_mut().expect("a record is an object");
            fields.remove("time");
            lines.push(record.to_string());
        }
    }
    lines.sort();
    lines.extend(content.into_iter().map(|(key, octets)| format!("{key} {octets:?}")));
    lines
}

macro_rules! kinds {
    ($($name:ident: $kind:literal, $seeds:literal, $how:ident;)*) => {
        $(#[test]
        fn $name() {
            let Some(oracle) = Oracle::find(stringify!($name)) else { return };
            mutated(oracle, $kind, $seeds, Comparison::$how);
        })*
    };
}

kinds! {
    reordered: "reorder", 3, Untimed;
    shuffled: "shuffle", 3, Untimed;
    duplicated: "duplicate", 2, Untimed;
    one_octet_a_segment: "one-octet", 1, Untimed;
    small_segments: "small", 2, Untimed;
    overlapping_segments: "overlap", 2, Untimed;
    sequence_numbers_that_wrap: "wrap", 1, Untimed;
    keep_alive_probes: "keep-alive", 1, Untimed;
    vlan_tagged: "vlan", 1, Exact;
    qinq_tagged: "qinq", 1, Exact;
    fragmented: "fragment", 2, Exact;
    wrong_checksums: "bad-checksums", 1, Exact;
    raw_ip: "raw", 1, Exact;
    bsd_loopback: "null", 1, Exact;
    linux_cooked: "sll", 1, Exact;
    linux_cooked_v2: "sll2", 1, Exact;
    pcap_with_nanoseconds: "nanoseconds", 1, Exact;
    pcap_big_endian: "big-endian", 1, Exact;
    pcap_big_endian_with_nanoseconds: "big-endian-nanoseconds", 1, Exact;
    pcapng: "pcapng", 1, Exact;
    with_a_packet_lost: "lost", 6, AtMost;
    from_the_middle: "mid-stream", 1, AtMost;
    only_the_client_seen: "one-sided-client", 1, AtMost;
    only_the_server_seen: "one-sided-server", 1, AtMost;
}

#[test]
fn a_cut_off_file_gives_what_it_holds() {
    let Some(oracle) = Oracle::find("a_cut_off_file_gives_what_it_holds") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for name in SESSIONS {
        let captures: [PathBuf; 1] = [oracle.mutate("cut-off", &in_tree_named(name), folder.path(), 1)];
        // Here the oracle reads the cut file itself.
        let Some(replay) = Replay::of_everybody(oracle, &captures, &[]) else { continue };
        replay.compare(oracle, Comparison::Exact).unwrap_or_else(|differences| panic!("{name}: {differences}"));
    }
}
