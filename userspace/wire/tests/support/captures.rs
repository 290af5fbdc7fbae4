//! Reading capture files for tests.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::{Endianness, TsResolution};
use writ_wire::{Link, Time};

/// A frame of a file; `link` is `None` for a link type that is not read.
pub struct Captured {
    pub time: Time,
    pub link: Option<Link>,
    pub octets: Vec<u8>,
    pub wire_len: u32,
}

/// The folders of captures that there are: that of the tree, and one beside it, or where `WRIT_CORPORA` says, which is no part of
/// it.
pub fn folders() -> Vec<PathBuf> {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures");
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let beside = std::env::var_os("WRIT_CORPORA").map_or(beside, PathBuf::from);
    if !beside.is_dir() {
        println!("SKIPPED: no folder of captures beside the tree; those in it are read");
    }
    [tree, beside].into_iter().filter(|folder| folder.is_dir()).collect()
}

/// Every capture file under a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if [".pcap", ".pcapng", ".pcap.gz"].iter().any(|end| path.to_string_lossy().ends_with(end)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The frames of a file, as far as it can be read.
pub fn read(path: &Path) -> Vec<Captured> {
    let mut octets = std::fs::read(path).unwrap();
    if octets.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        let _ = flate2::read::MultiGzDecoder::new(Cursor::new(&octets)).read_to_end(&mut plain);
        octets = plain;
    }
    if octets.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) { pcapng(&octets) } else { pcap(&octets) }
}

fn pcap(octets: &[u8]) -> Vec<Captured> {
    let Ok(mut reader) = PcapReader::new(octets) else { return Vec::new() };
    let header = reader.header();
    let link = Link::from_dlt(u32::from(header.datalink));
    let unit = if header.ts_resolution == TsResolution::NanoSecond { 1 } else { 1000 };
    assert!(matches!(header.endianness, Endianness::Big | Endianness::Little));
    let mut frames = Vec::new();
    while let Some(Ok(packet)) = reader.next_raw_packet() {
        frames.push(Captured {
            time: Time::from_parts(u64::from(packet.ts_sec), packet.ts_frac.saturating_mul(unit)),
            link,
            octets: packet.data.into_owned(),
            wire_len: packet.orig_len,
        });
    }
    frames
}

fn pcapng(octets: &[u8]) -> Vec<Captured> {
    let Ok(mut reader) = PcapNgReader::new(octets) else { return Vec::new() };
    let mut frames = Vec::new();
    loop {
        let (interface, time, wire_len, octets) = match reader.next_block() {
            Some(Ok(Block::EnhancedPacket(packet))) => {
                (packet.interface_id, packet.timestamp, packet.original_len, packet.data.into_owned())
            }
            Some(Ok(_)) => continue,
            _ => return frames,
        };
        let link = reader.interfaces().get(interface as usize).and_then(|of| Link::from_dlt(u32::from(of.linktype)));
        // The reader gives microseconds, which is the resolution of nearly every file, as if they were nanoseconds.
        let time = Time::from_nanos((time.as_nanos() as u64).saturating_mul(1000));
        frames.push(Captured { time, link, octets, wire_len });
    }
}
