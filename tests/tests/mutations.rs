//! The same sessions as other taps would have seen them: nothing that is handed over changes but times; where octets are missing,
//! nothing is invented.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use writ_tests::{Comparison, Mutation, Oracle, Replay, by_writ, in_tree_named};

/// Captures with what is hard in them, small enough to be replayed many times over.
const SESSIONS: [&str; 7] = [
    "demo",
    "relay-three-senders",
    "bdat-pipelined",
    "bdat-three-chunks",
    "message-ids",
    "auth-failed-then-good",
    "binarymime-nul",
];

/// A capture as it is, and what it yields.
struct Original {
    capture: PathBuf,
    warrants: String,
    shape: Vec<String>,
}

fn originals(oracle: Oracle) -> &'static [Original] {
    static ORIGINALS: OnceLock<Vec<Original>> = OnceLock::new();
    ORIGINALS.get_or_init(|| {
        let groups: Vec<_> = SESSIONS.iter().map(|name| vec![in_tree_named(name)]).collect();
        let replays = Replay::of_everybody(oracle, &groups, &[]);
        let original = |replay: Option<Replay>| {
            let replay = replay.expect("it has people in it");
            let warrants = std::fs::read_to_string(&replay.warrants).expect("a warrants file");
            Original { capture: replay.captures[0].clone(), warrants, shape: shape(&replay) }
        };
        replays.into_iter().map(original).collect()
    })
}

fn mutated(oracle: Oracle, kind: &'static str, seeds: u32, how: Comparison) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut mutations = Vec::new();
    for original in originals(oracle) {
        for seed in 1..=seeds {
            let name = original.capture.file_stem().expect("a name").to_string_lossy();
            let target = folder.path().join(format!("{name}-{kind}-{seed}.pcap"));
            mutations.push((original, Mutation { kind, source: original.capture.clone(), target, seed }));
        }
    }
    let (of, mutations): (Vec<_>, Vec<_>) = mutations.into_iter().unzip();
    oracle.mutate(&mutations);
    let replay = |(original, mutation): (&&Original, &Mutation)| {
        let mut replay = Replay::under(&original.warrants, std::slice::from_ref(&mutation.target));
        // Who is in it, and what is due, is read from the original: what another tap saw was the same session.
        replay.captures = vec![original.capture.clone()];
        replay
    };
    let replays: Vec<_> = std::iter::zip(&of, &mutations).map(replay).collect();
    let delivered: Vec<_> = replays.iter().map(Replay::delivered).collect();
    let mut wrong = Vec::new();
    for (at, said) in oracle.compare(&delivered, how).into_iter().enumerate() {
        let what = format!("{} (seed {})", mutations[at].target.display(), mutations[at].seed);
        if let Err(differences) = said {
            wrong.push(format!("{what}:\n{differences}"));
        } else if how != Comparison::AtMost && shape(&replays[at]) != of[at].shape {
            wrong.push(format!("{what}: records differ from those of the original"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The IRI without times, and the content of each communication put together.
fn shape(replay: &Replay) -> Vec<String> {
    let mut lines = Vec::new();
    let mut content = BTreeMap::<String, Vec<u8>>::new();
    for mut record in by_writ(replay) {
        if record["kind"] == "cc" {
            let key = format!("{} {} {}", record["liid"], record["cin"], record["direction"]);
            let octets = record["content"].as_str().expect("content is text");
            content.entry(key).or_default().extend(STANDARD.decode(octets).expect("base64"));
        } else {
            record.as_object_mut().expect("a record is an object").remove("time");
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
    let cut = |name: &&str| Mutation {
        kind: "cut-off",
        source: in_tree_named(name),
        target: folder.path().join(format!("{name}.pcap")),
        seed: 1,
    };
    let mutations: Vec<_> = SESSIONS.iter().map(cut).collect();
    oracle.mutate(&mutations);
    // Here the oracle reads the cut files themselves.
    let groups: Vec<_> = mutations.into_iter().map(|mutation| vec![mutation.target]).collect();
    let replays: Vec<_> = Replay::of_everybody(oracle, &groups, &[]).into_iter().flatten().collect();
    assert!(replays.len() > 3, "enough is left of them");
    let delivered: Vec<_> = replays.iter().map(Replay::delivered).collect();
    for (one, said) in std::iter::zip(&delivered, oracle.compare(&delivered, Comparison::Exact)) {
        said.unwrap_or_else(|differences| panic!("{:?}: {differences}", one.captures));
    }
}
