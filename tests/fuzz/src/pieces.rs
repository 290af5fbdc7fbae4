//! A dialogue of two ends, as the targets of mail protocols read it from their input.
//!
//! Each piece begins with an octet: its lowest bit says who sends, the next two what follows.
//!
//! | kind | what follows |
//! | --- | --- |
//! | 0 | a length in one octet, and so many octets of the protocol |
//! | 1 | a length in two octets, and so many octets of the protocol |
//! | 2 | one octet: so many octets, and one more, that were never captured |
//! | 3 | one octet: a pause of so many milliseconds, squared |

use std::time::Duration;

use writ_mail::At;
use writ_wire::{Direction, Time};

use crate::choices::Choices;
use crate::streams::side;

/// One thing that happens in a dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'i> {
    /// Octets, in one packet or several at one time.
    Octets(Direction, &'i [u8]),
    /// Octets that were not captured.
    Gap(Direction, u16),
    /// Nothing for so long.
    Pause(Duration),
}

/// What a machine is given of a dialogue.
pub enum Given<'g> {
    /// Octets of one packet, or a part of them.
    Octets(Direction, At, &'g [u8]),
    /// Octets that were not captured.
    Gap(Direction, Time, u64),
    /// The connection's end.
    End(Time),
}

/// Gives a machine the pieces, cut to at most `cut` octets each.
pub fn feed(pieces: &[Piece<'_>], cut: usize, give: &mut dyn FnMut(Given<'_>)) {
    let mut offsets = [0_u64; 2];
    let mut time = Time::from_parts(1_772_442_000, 0);
    for piece in pieces {
        match *piece {
            Piece::Octets(from, octets) => {
                for octets in octets.chunks(cut) {
                    let offset = &mut offsets[side(from)];
                    let at = At { time, offset: *offset };
                    *offset += octets.len() as u64;
                    give(Given::Octets(from, at, octets));
                }
            }
            Piece::Gap(from, length) => {
                offsets[side(from)] += u64::from(length);
                give(Given::Gap(from, time, length.into()));
            }
            Piece::Pause(pause) => time = time.after(pause),
        }
    }
    give(Given::End(time));
}

/// Reads all that is left as pieces.
pub fn read<'i>(choices: &mut Choices<'i>) -> Vec<Piece<'i>> {
    let mut pieces = Vec::new();
    while !choices.is_empty() {
        let head = choices.octet();
        let from = if head & 1 == 0 { Direction::FromClient } else { Direction::FromServer };
        let piece = match head >> 1 & 3 {
            0 => {
                let length = choices.octet();
                Piece::Octets(from, choices.take(length.into()))
            }
            1 => {
                let length = choices.pair();
                Piece::Octets(from, choices.take(length.into()))
            }
            2 => Piece::Gap(from, u16::from(choices.octet()) + 1),
            _ => {
                let root = u64::from(choices.octet());
                Piece::Pause(Duration::from_millis(root * root))
            }
        };
        pieces.push(piece);
    }
    pieces
}

/// Writes pieces of octets as [`read`] reads them.
pub fn write<'o>(said: impl IntoIterator<Item = (Direction, &'o [u8])>) -> Vec<u8> {
    let mut input = Vec::new();
    for (from, octets) in said {
        for octets in octets.chunks(usize::from(u16::MAX)) {
            let head = u8::from(from == Direction::FromServer);
            match u8::try_from(octets.len()) {
                Ok(length) => input.extend([head, length]),
                Err(_) => {
                    input.push(head | 2);
                    input.extend((octets.len() as u16).to_be_bytes());
                }
            }
            input.extend(octets);
        }
    }
    input
}
