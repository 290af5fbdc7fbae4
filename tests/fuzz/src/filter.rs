//! The decoder of the XDP program: it reads any frame, its short way is the long one, and it keeps nothing back that `writ-wire` would
//! read as mail.

use writ_filter::ports::{MAIL, set_of};
use writ_filter::{Class, Passed, Start, class_of, direct, flow, looked_at, walk_each};
use writ_wire::{Frame, Link, Settings, Time, Wire};

use crate::streams::Checked;

/// What a UMEM frame holds at most.
const LONGEST: usize = 4096 - 256;

/// Runs an input: one Ethernet frame.
pub fn run(input: &[u8]) {
    let input = &input[..input.len().min(LONGEST)];
    let class = class_of(input, &set_of(&MAIL));
    let (mut short, mut long) = (Way::default(), Way::default());
    let found = walk_each(input, Start::ETHERNET, &mut long);
    match direct(input, Start::ETHERNET, &mut short) {
        Some(directly) => assert_eq!((directly, short), (found, long), "the short way leads elsewhere"),
        None => assert_eq!(short, Way::default(), "something was passed on a way that was not gone"),
    }
    if let (Class::Mail, place) = looked_at(input, &set_of(&MAIL)) {
        let _ = flow::segment_of(input, place.ip, place.tcp);
    }
    let mut wire = Wire::<Checked>::new(Settings { hash_seed: Some(1), max_flows: 4, ..Settings::default() });
    let frame =
        Frame { time: Time::from_parts(1, 0), link: Link::Ethernet, octets: input, wire_len: input.len() as u32 };
    wire.frame(&frame, &mut Checked::default());
    let counters = wire.counters();
    if counters.segments == 1 {
        assert!(matches!(class, Class::Mail | Class::TooDeep), "mail that is not handed up: {class:?}");
    }
    if counters.fragments_pending == 1 && is_of_tcp(input) {
        assert!(matches!(class, Class::Fragment | Class::TooDeep), "a fragment that is not handed up: {class:?}");
    }
}

/// All that a walk passes.
#[derive(Debug, Default, PartialEq)]
struct Way {
    tags: Vec<u16>,
    ips: Vec<(usize, u8)>,
}

impl Passed for Way {
    fn tag(&mut self, control: u16) {
        self.tags.push(control);
    }

    fn ip(&mut self, at: usize, version: u8) {
        self.ips.push((at, version));
    }
}

/// Whether a fragment says outright that it is one of TCP. Of IPv6, the first fragment alone holds the headers that can come between,
/// and the filter walks them further than `writ-wire` does before it has the rest.
fn is_of_tcp(frame: &[u8]) -> bool {
    match frame.get(12..14) {
        Some([0x08, 0x00]) => true,
        Some([0x86, 0xdd]) => frame.get(20) == Some(&44) && frame.get(54) == Some(&6),
        _ => false,
    }
}
