//! `writ-wire` on frames of any link type, with limits that are soon reached.
//!
//! The first octet chooses settings. Each frame is a link type, a pause, a length in two octets, and its octets.

use std::time::Duration;

use writ_wire::{Frame, Link, Settings, Time, Wire, steering};

use crate::choices::Choices;
use crate::streams::Checked;

/// The link types, by the octet that chooses one.
pub const LINKS: [Link; 5] = [Link::Ethernet, Link::RawIp, Link::LinuxSll, Link::LinuxSll2, Link::BsdLoopback];

const HOLD: usize = 4 << 10;
const HELD: usize = 16 << 10;
const FLOWS: usize = 8;

/// Settings by the bits of an octet.
fn settings(bits: u8) -> Settings {
    let tight = bits & 4 != 0;
    Settings {
        verify_checksums: bits & 1 != 0,
        vlan_in_key: bits & 2 != 0,
        max_flows: if tight { 2 } else { FLOWS },
        hold_octets: if tight { 512 } else { HOLD },
        held_octets: if tight { 1024 } else { HELD },
        max_datagrams: if tight { 2 } else { 16 },
        fragment_octets: if tight { 2048 } else { 32 << 10 },
        max_fragments: if tight { 4 } else { 64 },
        hash_seed: Some(1),
        ..Settings::default()
    }
}

/// Frames as [`run`] reads them.
pub fn write(settings: u8, frames: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let mut input = vec![settings];
    for (link, pause, octets) in frames {
        let octets = &octets[..octets.len().min(usize::from(u16::MAX))];
        input.extend([*link, *pause]);
        input.extend((octets.len() as u16).to_be_bytes());
        input.extend(octets);
    }
    input
}

/// Runs an input.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let settings = settings(choices.octet());
    let max_flows = settings.max_flows;
    let held_octets = settings.held_octets;
    let mut wire = Wire::new(settings);
    let mut streams = Checked::default();
    let mut now = Time::from_parts(1_772_442_000, 0);
    let mut frames = 0;
    while !choices.is_empty() {
        let link = choices.octet();
        let pause = choices.octet();
        // A clock that steps back is part of what a tap gives.
        now = if pause == 0xff {
            Time::from_nanos(now.as_nanos() - 3_000_000_000)
        } else {
            now.after(Duration::from_micros(u64::from(pause).pow(4)))
        };
        let length = usize::from(choices.pair());
        let octets = choices.take(length);
        let cut = if link & 0x80 == 0 { 0 } else { u32::from(link >> 3 & 15) * 16 };
        let frame =
            Frame { time: now, link: LINKS[usize::from(link & 7) % 5], octets, wire_len: octets.len() as u32 + cut };
        let _ = steering(&frame);
        wire.frame(&frame, &mut streams);
        frames += 1;
        assert!(wire.open_flows() <= max_flows, "more flows than the limit");
        // The segment at hand may be held before room is made for it.
        assert!(wire.held_octets() <= held_octets + octets.len() + 512, "more held than the limit");
        assert!(streams.open() <= max_flows);
    }
    let counters = *wire.counters();
    let classes = counters.not_ip
        + counters.not_tcp
        + counters.not_mail
        + counters.malformed_link
        + counters.malformed_ip
        + counters.malformed_tcp
        + counters.checksum_errors
        + counters.fragments_pending
        + counters.segments;
    assert_eq!((counters.frames, classes), (frames, frames), "each frame is in exactly one class");
    wire.finish(now, &mut streams);
    assert_eq!(streams.open(), 0, "every connection is closed at the end");
    assert_eq!((wire.open_flows(), wire.held_octets()), (0, 0));
}
