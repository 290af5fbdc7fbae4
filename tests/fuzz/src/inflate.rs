//! IMAP4 in a compressed stream (RFC 4978): what is said of it is what is said of the same dialogue without compression, and
//! octets that are no deflate do no harm.
//!
//! The input is a header (how each end compresses, or that it does not) and pieces.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use writ_mail::access::Event;
use writ_mail::imap::{Compressed, Imap, Limits};
use writ_wire::Direction;

use crate::access::{Log, assert_same, feed};
use crate::choices::Choices;
use crate::imap::{AMPLE, MOST_HELD, TIGHT};
use crate::memory;
use crate::pieces::{self, Piece};
use crate::streams::side;

const GREETING: &[u8] = b"* PREAUTH\r\n";
const COMPRESS: &[u8] = b"z COMPRESS DEFLATE\r\n";
const PLAIN: &[u8] = b"z NOOP\r\n";
const ANSWER: &[u8] = b"z OK\r\n";

fn dialogue<'p>(command: &'static [u8], pieces: &[Piece<'p>]) -> Vec<Piece<'p>> {
    let mut dialogue = vec![
        Piece::Octets(Direction::FromServer, GREETING),
        Piece::Octets(Direction::FromClient, command),
        Piece::Octets(Direction::FromServer, ANSWER),
    ];
    dialogue.extend(pieces);
    dialogue
}

/// What is told after compression began, or would have.
fn log_of(pieces: &[Piece<'_>], limits: Limits, cut: usize) -> Vec<String> {
    let mut log = Log::default();
    log.inflates = true;
    feed(&mut Imap::new(true, limits), pieces, cut, &mut |event| log.event(&event));
    log.flush();
    let begun = log.lines.iter().position(|line| line.starts_with("settled")).map_or(0, |at| at + 1);
    log.lines.split_off(begun)
}

fn held(pieces: &[Piece<'_>], cut: usize) {
    let longest = pieces.iter().map(|piece| if let Piece::Octets(_, octets) = piece { octets.len() } else { 0 }).max();
    let before = memory::allocated();
    let mut most = before;
    feed(&mut Imap::new(true, TIGHT), pieces, cut, &mut |_| most = most.max(memory::allocated()));
    let held = most.max(memory::allocated()).saturating_sub(before);
    assert!(held <= MOST_HELD + 2 * longest.unwrap_or(0), "{held} octets held");
}

/// As on the wire no octet is made up, and none told twice.
fn on_the_wire(pieces: &[Piece<'_>], cut: usize) {
    let limits = Limits { compressed: Compressed::AsOnTheWire, ..AMPLE };
    let sent: [Vec<u8>; 2] = [Direction::FromClient, Direction::FromServer].map(|from| {
        let octets = pieces.iter().filter_map(|piece| match piece {
            Piece::Octets(of, octets) if *of == from => Some(*octets),
            _ => None,
        });
        octets.collect::<Vec<_>>().concat()
    });
    let mut next = [0; 2];
    let mut inflated = [false; 2];
    feed(&mut Imap::new(true, limits), pieces, cut, &mut |event| {
        if let Event::Octets(octets) = event {
            let (side, start, end) = (side(octets.from), octets.wire.start as usize, octets.wire.end as usize);
            if sent[side].get(start..end) != Some(octets.octets) {
                inflated[side] = true;
            }
            if !inflated[side] {
                assert!(start >= next[side], "told twice");
                next[side] = end;
            }
        }
    });
}

/// Runs an input.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let bits = choices.octet();
    let cut = 1 + usize::from(bits & 7);
    let level = Compression::new(u32::from(bits >> 3 & 7));
    let is_deflated = bits & 0x40 == 0;
    let mut pieces = pieces::read(&mut choices);
    if !is_deflated {
        let dialogue = dialogue(COMPRESS, &pieces);
        assert_same(&log_of(&dialogue, AMPLE, usize::MAX), &log_of(&dialogue, AMPLE, cut), cut);
        held(&dialogue, cut);
        return;
    }
    pieces.retain(|piece| !matches!(piece, Piece::Gap(..)));
    let mut encoders = [(); 2].map(|()| DeflateEncoder::new(Vec::new(), level));
    let deflated: Vec<Vec<u8>> = pieces
        .iter()
        .map(|piece| {
            let Piece::Octets(from, octets) = piece else { return Vec::new() };
            let encoder = &mut encoders[side(*from)];
            encoder.write_all(octets).expect("memory");
            encoder.flush().expect("memory");
            std::mem::take(encoder.get_mut())
        })
        .collect();
    let compressed: Vec<Piece<'_>> = pieces
        .iter()
        .zip(&deflated)
        .map(|(piece, deflated)| match piece {
            Piece::Octets(from, _) => Piece::Octets(*from, deflated),
            other => *other,
        })
        .collect();
    let compressed = dialogue(COMPRESS, &compressed);
    let plain = dialogue(PLAIN, &pieces);
    let expected = log_of(&plain, AMPLE, usize::MAX);
    // Compression within compression there is none, what begins with 0x00 or 0x16 is something else in the clear only, and
    // UNAUTHENTICATE ends compression (RFC 8437 §4.1), which goes on here.
    let is_same = |lines: &[String]| !lines.iter().any(|line| line == "dark" || line.starts_with("logged out"));
    let found = log_of(&compressed, AMPLE, usize::MAX);
    if is_same(&expected) && is_same(&found) {
        assert_eq!(found, expected);
    }
    assert_same(&found, &log_of(&compressed, AMPLE, cut), cut);
    held(&compressed, cut);
    on_the_wire(&compressed, cut);
}
