//! Real captures of many tools: every one is read, and Wireshark's tools say how many packets it holds.
//!
//! The captures are no part of the tree. They are looked for in `../shared/corpora` beside it, or where `WRIT_CORPORA`
//! says; without them the test says that it was skipped.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use writ_capture::pcap::CaptureFile;
use writ_capture::{Batch, Source};

fn corpora() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let folder = std::env::var_os("WRIT_CORPORA").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy();
        if path.is_dir() {
            captures(&path, found);
        } else if [".pcap", ".pcapng", ".pcap.gz", ".cap"].iter().any(|suffix| name.ends_with(suffix)) {
            found.push(path);
        }
    }
}

/// Link types of which Wireshark counts every octet. Of others, ATM for one, it takes a pseudo header off first.
const COUNTED_WHOLE: [u32; 10] = [0, 1, 12, 14, 101, 108, 113, 228, 229, 276];

/// One line a frame as tshark prints it: time, octets captured, octets on the wire.
fn frames(path: &Path) -> (Vec<String>, Option<String>) {
    let mut frames = Vec::new();
    let mut source = match CaptureFile::open(path) {
        Ok(source) => source,
        Err(error) => return (frames, Some(error.to_string())),
    };
    loop {
        let batch = source.next_batch(&mut |frame| {
            if !COUNTED_WHOLE.contains(&frame.link) {
                frames.push(String::new());
                return;
            }
            let (seconds, nanos) = (frame.time_nanos / 1_000_000_000, frame.time_nanos % 1_000_000_000);
            frames.push(format!("{seconds}.{nanos:09}\t{}\t{}", frame.octets.len(), frame.wire_len));
        });
        match batch {
            Ok(Batch::Frames(_)) => {}
            Ok(_) => return (frames, None),
            Err(error) => return (frames, Some(error.to_string())),
        }
    }
}

#[test]
fn every_capture_is_read_as_wireshark_reads_it() {
    let Some(folder) = corpora() else {
        println!("SKIPPED: no corpora folder beside the tree");
        return;
    };
    let mut paths = Vec::new();
    captures(&folder, &mut paths);
    paths.sort();
    assert!(!paths.is_empty());

    // One process for all files: `-T` gives a table, `-r` without titles, `-c` packets, `-M` plain numbers.
    let Ok(table) = Command::new("capinfos").args(["-T", "-r", "-M", "-c"]).args(&paths).output() else {
        println!("SKIPPED: capinfos is not installed");
        return;
    };
    let table = String::from_utf8(table.stdout).unwrap();
    let counts: std::collections::HashMap<_, _> = table.lines().filter_map(|line| line.split_once('\t')).collect();
    let mut total = 0;
    for path in &paths {
        let (frames, error) = frames(path);
        assert_eq!(error, None);
        let expected = counts.get(path.to_str().unwrap()).unwrap_or_else(|| panic!("capinfos is silent on {path:?}"));
        assert_eq!(expected.trim().parse(), Ok(frames.len()), "{path:?}");
        total += frames.len();
    }
    println!("{} captures, {total} frames", paths.len());
}

#[test]
fn times_and_lengths_are_those_of_tshark() {
    let Some(folder) = corpora() else {
        println!("SKIPPED: no corpora folder beside the tree");
        return;
    };
    let mut paths = Vec::new();
    captures(&folder, &mut paths);
    paths.sort();
    // The ordinary format is enough in samples; every file of another one is compared.
    let ordinary = [0xd4, 0xc3, 0xb2, 0xa1];
    let every = if std::env::var_os("WRIT_CORPORA_ALL").is_some() { 1 } else { 100 };
    for (at, path) in paths.iter().enumerate() {
        let begin = std::fs::read(path).unwrap();
        if begin.starts_with(&ordinary) && at % every != 0 {
            continue;
        }
        let mut tshark = Command::new("tshark");
        tshark.args(["-n", "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.cap_len", "-e", "frame.len", "-r"]);
        let Ok(output) = tshark.arg(path).output() else {
            println!("SKIPPED: tshark is not installed");
            return;
        };
        let text = String::from_utf8(output.stdout).unwrap();
        let found = frames(path).0;
        assert_eq!(found.len(), text.lines().count());
        for (found, expected) in found.iter().zip(text.lines()).filter(|(found, _)| !found.is_empty()) {
            assert_eq!(found, expected, "{path:?}");
        }
    }
}
