//! A PDU of `EmailCC`. Written forward, so that the content is copied once.

use super::length::{integer_octets, put_head, put_integer, with_head};
use crate::{CcContents, CcPayload, EmailCc, MicroSecondTimeStamp};

/// One piece, and the lengths of what it consists of.
struct Piece<'a> {
    piece: &'a CcPayload,
    email: &'a EmailCc,
    direction: Option<u64>,
    qualifier: Option<u64>,
    format: u64,
    /// Contents octets of `EmailCC`.
    email_octets: usize,
    /// Contents octets of `CCPayload`.
    octets: usize,
}

impl<'a> Piece<'a> {
    /// `None` for what is not written here.
    fn new(piece: &'a CcPayload) -> Option<Self> {
        let CcContents::EmailCc(email) = &piece.cc_contents else { return None };
        if piece.time_stamp.is_some() || !piece.additions.is_empty() {
            return None;
        }
        let stamp = match &piece.micro_second_time_stamp {
            Some(stamp) if !stamp.additions.is_empty() => return None,
            Some(stamp) => with_head(stamp_octets(stamp)),
            None => 0,
        };
        // A negative value is one that nobody named.
        let value = |value: Option<i64>| value.map(u64::try_from).transpose().ok();
        let direction = value(piece.payload_direction.map(|direction| direction.value()))?;
        let qualifier = value(piece.time_stamp_qualifier.map(|qualifier| qualifier.value()))?;
        let format = u64::try_from(email.email_format.value()).ok()?;
        let email_octets = with_head(email.email_cc_obj_id.octets().len())
            + with_head(integer_octets(format))
            + with_head(email.content.len());
        let octets = direction.map_or(0, |value| with_head(integer_octets(value)))
            + with_head(with_head(email_octets))
            + stamp
            + qualifier.map_or(0, |value| with_head(integer_octets(value)));
        Some(Self { piece, email, direction, qualifier, format, email_octets, octets })
    }

    fn put(&self, pdu: &mut Vec<u8>) {
        put_head(pdu, 0x30, self.octets);
        if let Some(direction) = self.direction {
            put_integer(pdu, 0x80, direction);
        }
        put_head(pdu, 0xa2, with_head(self.email_octets));
        put_head(pdu, 0xa1, self.email_octets);
        put_string(pdu, 0x80, self.email.email_cc_obj_id.octets());
        put_integer(pdu, 0x81, self.format);
        put_string(pdu, 0x82, &self.email.content);
        if let Some(stamp) = &self.piece.micro_second_time_stamp {
            put_head(pdu, 0xa3, stamp_octets(stamp));
            put_integer(pdu, 0x80, stamp.seconds);
            put_integer(pdu, 0x81, stamp.micro_seconds.into());
        }
        if let Some(qualifier) = self.qualifier {
            put_integer(pdu, 0x84, qualifier);
        }
    }
}

/// A whole PDU; `None` where one of the pieces is not written here.
pub(super) fn pdu(header: &[u8], pieces: &[CcPayload]) -> Option<Vec<u8>> {
    // One piece is the rule, and takes no list.
    if let [only] = pieces {
        let piece = Piece::new(only)?;
        return Some(put_all(header, core::slice::from_ref(&piece)));
    }
    let pieces: Vec<Piece<'_>> = pieces.iter().map(Piece::new).collect::<Option<_>>()?;
    Some(put_all(header, &pieces))
}

fn put_all(header: &[u8], pieces: &[Piece<'_>]) -> Vec<u8> {
    let octets = pieces.iter().map(|piece| with_head(piece.octets)).sum();
    let mut pdu = super::begin(header, with_head(octets));
    put_head(&mut pdu, 0xa1, octets);
    for piece in pieces {
        piece.put(&mut pdu);
    }
    pdu
}

fn put_string(pdu: &mut Vec<u8>, identifier: u8, contents: &[u8]) {
    put_head(pdu, identifier, contents.len());
    pdu.extend_from_slice(contents);
}

fn stamp_octets(stamp: &MicroSecondTimeStamp) -> usize {
    with_head(integer_octets(stamp.seconds)) + with_head(integer_octets(stamp.micro_seconds.into()))
}
