//! Capture files of every format, written here by hand or by the `pcap-file` crate, and read back.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::borrow::Cow;
use std::io::{Cursor, Write};
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::blocks::simple_packet::SimplePacketBlock;
use pcap_file::{DataLink, Endianness, TsResolution};
use writ_capture::pcap::{BATCH, CaptureFile, LONGEST_FRAME, PcapError};
use writ_capture::{Batch, CaptureError, Source};

/// A frame, copied out of its visit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    time_nanos: u64,
    link: u32,
    octets: Vec<u8>,
    wire_len: u32,
}

/// Everything that a file gives, and the error at its end if there is one. Checks that there is no second error, and that
/// the counters agree.
fn read(file: Vec<u8>) -> (Vec<Held>, Option<PcapError>) {
    let mut source = match CaptureFile::from_reader(Path::new("made.pcap"), Box::new(Cursor::new(file))) {
        Ok(source) => source,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut frames = Vec::new();
    let mut failure = None;
    loop {
        let before = frames.len();
        let batch = source.next_batch(&mut |frame| {
            frames.push(Held {
                time_nanos: frame.time_nanos,
                link: frame.link,
                octets: frame.octets.to_vec(),
                wire_len: frame.wire_len,
            });
        });
        match batch {
            Ok(Batch::Frames(count)) => assert_eq!(count, frames.len() - before),
            Ok(Batch::End) => break,
            Ok(Batch::Idle) => panic!("a file is never idle"),
            Err(CaptureError::Pcap(error)) => assert!(failure.replace(error).is_none(), "two errors"),
            Err(CaptureError::Afxdp(error)) => panic!("no interface is in use: {error}"),
        }
    }
    assert_eq!(source.counters().frames, frames.len() as u64);
    assert_eq!(source.counters().octets, frames.iter().map(|frame| frame.octets.len() as u64).sum::<u64>());
    (frames, failure)
}

fn gzip(file: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(file).unwrap();
    packer.finish().unwrap()
}

/// Frames with lengths from nothing to the longest.
fn some_frames(link: u32) -> Vec<Held> {
    let lengths = [0, 1, 60, 61, 62, 63, 1514, 9000, LONGEST_FRAME as usize, 64];
    let frame = |(at, len): (usize, usize)| Held {
        time_nanos: 1_700_000_000_123_456_000 + at as u64 * 1_000_001_000,
        link,
        octets: (0..len).map(|octet| (octet + at) as u8).collect(),
        wire_len: len as u32,
    };
    lengths.into_iter().enumerate().map(frame).collect()
}

fn classic(endianness: Endianness, ts_resolution: TsResolution, frames: &[Held]) -> Vec<u8> {
    let datalink = DataLink::from(frames.first().map_or(1, |frame| frame.link));
    let header = PcapHeader {
        version_major: 2,
        version_minor: 4,
        ts_correction: 0,
        ts_accuracy: 0,
        snaplen: LONGEST_FRAME,
        datalink,
        ts_resolution,
        endianness,
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    for frame in frames {
        let time = Duration::from_nanos(frame.time_nanos);
        writer.write_packet(&PcapPacket::new(time, frame.wire_len, &frame.octets)).unwrap();
    }
    writer.into_writer()
}

#[test]
fn classic_files_of_both_byte_orders_and_resolutions() {
    for endianness in [Endianness::Big, Endianness::Little] {
        for resolution in [TsResolution::MicroSecond, TsResolution::NanoSecond] {
            for link in [0, 1, 12, 101, 108, 113, 228, 229, 276, 0xfffe] {
                let mut frames = some_frames(link);
                if resolution == TsResolution::NanoSecond {
                    frames[3].time_nanos += 789;
                }
                let file = classic(endianness, resolution, &frames);
                let (found, error) = read(file.clone());
                assert!(error.is_none(), "{error:?}");
                assert_eq!(found, frames);
                assert_eq!(read(gzip(&file)).0, frames);
            }
        }
    }
}

#[test]
fn more_frames_than_a_batch_come_in_order() {
    let frames: Vec<_> = (0..BATCH as u64 * 2 + 3)
        .map(|at| Held { time_nanos: at * 1_000, link: 1, octets: at.to_be_bytes().to_vec(), wire_len: 8 })
        .collect();
    let (found, error) = read(classic(Endianness::Little, TsResolution::MicroSecond, &frames));
    assert!(error.is_none());
    assert_eq!(found, frames);
}

/// A classic file written octet for octet, with what `pcap-file` would not write.
fn by_hand(magic: u32, minor: u16, link: u32, records: &[&[u8]]) -> Vec<u8> {
    let mut file = magic.to_be_bytes().to_vec();
    file.extend(2u16.to_be_bytes());
    file.extend(minor.to_be_bytes());
    file.extend([0; 8]);
    file.extend(16u32.to_be_bytes());
    file.extend(link.to_be_bytes());
    file.extend(records.concat());
    file
}

fn record(captured_len: u32, wire_len: u32, rest: &[u8]) -> Vec<u8> {
    [&1u32.to_be_bytes()[..], &2u32.to_be_bytes(), &captured_len.to_be_bytes(), &wire_len.to_be_bytes(), rest].concat()
}

#[test]
fn odd_files_that_other_readers_accept() {
    let octets = [7; 40];
    let frame = |wire_len| Held { time_nanos: 1_000_002_000, link: 1, octets: octets.to_vec(), wire_len };

    // Longer in the file, and on the wire, than the header's snapshot length of 16.
    let cut_short = record(40, 1500, &octets);
    assert_eq!(read(by_hand(0xa1b2_c3d4, 4, 1, &[&cut_short])).0, [frame(1500)]);
    // A length on the wire that was left zero.
    assert_eq!(read(by_hand(0xa1b2_c3d4, 4, 1, &[&record(40, 0, &octets)])).0, [frame(40)]);
    // The upper half of the link type tells of an FCS.
    assert_eq!(read(by_hand(0xa1b2_c3d4, 4, 0x2400_0001, &[&cut_short])).0, [frame(1500)]);
    // Version 2.3, with the two lengths the other way round.
    assert_eq!(read(by_hand(0xa1b2_c3d4, 3, 1, &[&record(1500, 40, &octets)])).0, [frame(1500)]);
    // The patched variant: eight octets more in a record header.
    let patched = record(40, 1500, &[&[9; 8][..], &octets].concat());
    assert_eq!(read(by_hand(0xa1b2_cd34, 4, 1, &[&patched])).0, [frame(1500)]);
    // No frame at all is a whole capture.
    assert!(matches!(read(by_hand(0xa1b2_c3d4, 4, 1, &[])), (frames, None) if frames.is_empty()));
}

#[test]
fn lengths_out_of_bounds_end_the_reading_with_their_offset() {
    let good = record(4, 4, &[1, 2, 3, 4]);
    let bad = record(LONGEST_FRAME + 1, LONGEST_FRAME + 1, &[0; 64]);
    let (frames, error) = read(by_hand(0xa1b2_c3d4, 4, 1, &[&good, &bad]));
    assert_eq!(frames.len(), 1);
    let error = error.unwrap();
    assert!(matches!(error, PcapError::Malformed { offset: 52, found: 262_145, .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("made.pcap") && text.contains("octet 52") && text.contains("262144"), "{text}");
}

#[test]
fn what_is_no_capture_is_refused() {
    for file in [&b""[..], b"\n\r", b"From alice@example.org", &[0x1f, 0x8b, 8]] {
        let (frames, error) = read(file.to_vec());
        assert!(frames.is_empty());
        assert!(error.is_some(), "{file:?}");
    }
    assert!(matches!(read(gzip(b"no capture")).1, Some(PcapError::Magic { found, .. }) if found == b"no c"));
    assert!(matches!(
        read(by_hand(0xa1b2_c3d4, 4, 1, &[])[..10].to_vec()).1,
        Some(PcapError::Cut { offset: 0, wanted: 24, held: 10, .. })
    ));
    assert!(matches!(CaptureFile::open(Path::new("/nonexistent.pcap")), Err(PcapError::Open { .. })));
}

/// A file cut at every octet gives exactly the frames that are whole, then one error unless the cut is between two.
fn check_every_cut(file: &[u8], frames: &[Held], ends: &[usize]) {
    for cut in 0..file.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let (found, error) = read(file[..cut].to_vec());
        // `ends` begins with the end of the headers, before which nothing is a capture yet.
        assert_eq!(found, frames[..whole.saturating_sub(1)], "cut at {cut}");
        if ends.contains(&cut) {
            assert!(error.is_none(), "cut at {cut}: {error:?}");
        } else if cut >= ends[0] {
            let Some(PcapError::Cut { offset, wanted, held, .. }) = error else { panic!("cut at {cut}: {error:?}") };
            assert!(ends.contains(&(offset as usize)), "cut at {cut}: offset {offset} is no record's begin");
            assert_eq!(offset + held, cut as u64);
            assert!(held < wanted);
        } else {
            assert!(error.is_some());
        }
    }
}

#[test]
fn cut_classic_files_give_their_whole_frames_then_one_error() {
    let frames: Vec<_> = some_frames(1).into_iter().filter(|frame| frame.octets.len() < 100).collect();
    let file = classic(Endianness::Little, TsResolution::MicroSecond, &frames);
    let mut ends = vec![24];
    for frame in &frames {
        ends.push(ends.last().unwrap() + 16 + frame.octets.len());
    }
    check_every_cut(&file, &frames, &ends);
}

#[test]
fn cut_gzip_files_give_what_they_hold_then_one_error() {
    let frames: Vec<_> = (0..2000u64)
        .map(|at| Held {
            time_nanos: at * 1_000,
            link: 1,
            octets: at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec(),
            wire_len: 8,
        })
        .collect();
    let packed = gzip(&classic(Endianness::Big, TsResolution::MicroSecond, &frames));
    for cut in [packed.len() / 4, packed.len() / 2, packed.len() - 1] {
        let (found, error) = read(packed[..cut].to_vec());
        assert_eq!(found, frames[..found.len()]);
        assert!(found.len() >= frames.len() * cut / packed.len() / 2, "{} frames of a cut at {cut}", found.len());
        assert!(matches!(error, Some(PcapError::Cut { .. })), "{error:?}");
    }
    let mut damaged = packed;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    assert!(read(damaged).1.is_some());
}

fn interface(
    link: u32,
    snaplen: u32,
    options: Vec<InterfaceDescriptionOption<'static>>,
) -> InterfaceDescriptionBlock<'static> {
    InterfaceDescriptionBlock { linktype: DataLink::from(link), snaplen, options }
}

/// A pcapng file of two interfaces with clocks of their own, and the ends of its blocks.
fn pcapng(endianness: Endianness) -> (Vec<u8>, Vec<Held>, Vec<usize>) {
    let mut writer = PcapNgWriter::with_endianness(Vec::new(), endianness).unwrap();
    writer.write_pcapng_block(interface(1, 0xffff, vec![])).unwrap();
    writer.write_pcapng_block(interface(101, 20, vec![InterfaceDescriptionOption::IfTsResol(9)])).unwrap();
    let mut ends = vec![writer.get_ref().len()];
    let mut frames = Vec::new();
    for at in 0..6u64 {
        let interface_id = (at % 2) as u32;
        let octets: Vec<u8> = (0..30 + at as u8).collect();
        let nanos_per_tick = if interface_id == 0 { 1_000 } else { 1 };
        let ticks = 1_700_000_000_000_000 + at;
        let packet = EnhancedPacketBlock {
            interface_id,
            // pcap-file 2.0 writes the nanoseconds of this as ticks, whatever the interface's resolution.
            timestamp: Duration::from_nanos(ticks),
            original_len: 1500,
            data: Cow::Owned(octets.clone()),
            options: vec![],
        };
        writer.write_pcapng_block(packet).unwrap();
        ends.push(writer.get_ref().len());
        let link = if interface_id == 0 { 1 } else { 101 };
        frames.push(Held { time_nanos: ticks * nanos_per_tick, link, octets, wire_len: 1500 });
    }
    let simple = SimplePacketBlock { original_len: 33, data: Cow::Owned(vec![5; 33]) };
    writer.write_pcapng_block(simple).unwrap();
    ends.push(writer.get_ref().len());
    let time_nanos = frames.last().unwrap().time_nanos;
    frames.push(Held { time_nanos, link: 1, octets: vec![5; 33], wire_len: 33 });
    (writer.into_inner(), frames, ends)
}

#[test]
fn pcapng_files_of_both_byte_orders() {
    for endianness in [Endianness::Big, Endianness::Little] {
        let (file, frames, _) = pcapng(endianness);
        let (found, error) = read(file.clone());
        assert!(error.is_none(), "{error:?}");
        assert_eq!(found, frames);
        assert_eq!(read(gzip(&file)).0, frames);
    }
}

#[test]
fn sections_of_different_byte_order_follow_each_other() {
    let (big, frames, _) = pcapng(Endianness::Big);
    let (little, _, _) = pcapng(Endianness::Little);
    let (found, error) = read([big, little].concat());
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found, [frames.clone(), frames].concat());
}

#[test]
fn cut_pcapng_files_give_their_whole_frames_then_one_error() {
    let (file, frames, ends) = pcapng(Endianness::Little);
    for cut in ends[0]..file.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        let (found, error) = read(file[..cut].to_vec());
        assert_eq!(found, frames[..whole], "cut at {cut}");
        assert_eq!(error.is_some(), !ends.contains(&cut), "cut at {cut}: {error:?}");
        if let Some(error) = error {
            assert!(matches!(error, PcapError::Cut { offset, .. } if offset as usize == ends[whole]), "{error:?}");
        }
    }
}

/// A pcapng block in little-endian order.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let total = (padded as u32 + 12).to_le_bytes();
    let padding = vec![0; padded - body.len()];
    [&kind.to_le_bytes()[..], &total, body, &padding, &total].concat()
}

fn section() -> Vec<u8> {
    block(0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat())
}

/// An interface description of Ethernet with snapshot length 0 and these options.
fn description(options: &[u8]) -> Vec<u8> {
    block(1, &[&[1, 0, 0, 0, 0, 0, 0, 0], options].concat())
}

#[test]
fn old_packet_blocks_unknown_blocks_and_clock_options() {
    // if_tsresol 2^-10, if_tsoffset 100 s, end of options, and then something that is not an option any more.
    let options = [
        &[9, 0, 1, 0, 0x8a, 0, 0, 0][..],
        &[14, 0, 8, 0, 100, 0, 0, 0, 0, 0, 0, 0],
        &[0, 0, 0, 0],
        &[9, 0, 1, 0, 3, 0, 0, 0],
    ]
    .concat();
    let old = block(2, &[&[0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 6, 0, 0, 5, 0, 0, 0, 9, 0, 0, 0][..], b"abcde"].concat());
    // A name resolution block that is longer than the window.
    let names = block(4, &vec![0; 1 << 20]);
    let (frames, error) = read([section(), names, description(&options), old].concat());
    assert!(error.is_none(), "{error:?}");
    assert_eq!(frames, [Held { time_nanos: 101_500_000_000, link: 1, octets: b"abcde".to_vec(), wire_len: 9 }]);
}

#[test]
fn broken_blocks_end_the_reading() {
    let packet = |interface: u8, captured_len: u8| {
        block(
            6,
            &[&[interface, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, captured_len, 0, 0, 0, 9, 0, 0, 0][..], b"abcd"].concat(),
        )
    };
    let begin = [section(), description(&[]), packet(0, 4)].concat();
    let at = begin.len() as u64;
    let mut disagreeing = packet(0, 4);
    *disagreeing.last_mut().unwrap() = 1;
    let broken = [
        (packet(1, 4), at),
        (packet(0, 5), at),
        (block(6, &[0; 16]), at),
        (block(1, &[0; 4]), at),
        (disagreeing, at + 32),
        (vec![6, 0, 0, 0, 8, 0, 0, 0], at + 4),
        (vec![6, 0, 0, 0, 33, 0, 0, 0], at + 4),
        (vec![6, 0, 0, 0, 0, 0, 0, 0x7f], at + 4),
        (block(0x0a0d_0d0a, &[0; 16]), at + 8),
    ];
    for (block, expected) in broken {
        let (frames, error) = read([begin.clone(), block.clone()].concat());
        assert_eq!(frames.len(), 1);
        let Some(PcapError::Malformed { offset, .. }) = error else { panic!("{block:?}: {error:?}") };
        assert_eq!(offset, expected, "{block:?}");
    }
}

proptest::proptest! {
    // There is no library beside an integration test for proptest to keep its failures at.
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    /// Whatever a file holds after its magic, reading ends, and never by a panic.
    #[test]
    fn any_octets_are_read_to_an_end(magic in 0..4usize, rest in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
        let begin = match magic {
            0 => by_hand(0xa1b2_c3d4, 4, 1, &[]),
            1 => by_hand(0xa1b2_3c4d, 4, 1, &[]),
            2 => section(),
            _ => [section(), description(&[])].concat(),
        };
        read([begin, rest].concat());
    }

    /// A good file with some octets changed.
    #[test]
    fn damaged_files_are_read_to_an_end(changes in proptest::collection::vec((0..600usize, proptest::num::u8::ANY), 1..8)) {
        let (mut file, _, _) = pcapng(Endianness::Little);
        for (at, octet) in changes {
            let at = at % file.len();
            file[at] = octet;
        }
        read(file);
    }
}
