//! Payloads out of RTP packets, and what their type is called (clause 8.1, table 6).

use bytes::{Bytes, BytesMut};

use crate::event::RtpRun;

/// The MIME types of static payload types (RFC 3551 §6, names as registered), and whether payloads of one after the other are
/// again a payload: then they go together, else each goes alone.
const STATIC: [(u8, &str, bool); 25] = [
    (0, "audio/PCMU", true),
    (3, "audio/GSM", true),
    (4, "audio/G723", false),
    (5, "audio/DVI4;rate=8000", false),
    (6, "audio/DVI4;rate=16000", false),
    (7, "audio/LPC", true),
    (8, "audio/PCMA", true),
    (9, "audio/G722", true),
    (10, "audio/L16;rate=44100;channels=2", true),
    (11, "audio/L16;rate=44100;channels=1", true),
    (12, "audio/QCELP", false),
    (13, "audio/CN", false),
    (14, "audio/MPA", false),
    (15, "audio/G728", true),
    (16, "audio/DVI4;rate=11025", false),
    (17, "audio/DVI4;rate=22050", false),
    (18, "audio/G729", false),
    (25, "video/CelB", false),
    (26, "video/JPEG", false),
    (28, "video/nv", false),
    (31, "video/H261", false),
    (32, "video/MPV", false),
    (33, "video/MP2T", false),
    (34, "video/H263", false),
    (19, "audio/CN", false),
];

/// The MIME type of a static payload type.
pub(crate) fn static_type(payload_type: u8) -> Option<&'static str> {
    STATIC.iter().find(|(number, ..)| *number == payload_type).map(|(_, name, _)| *name)
}

/// A packet of RTP (RFC 3550 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) payload_type: u8,
    sequence: u16,
    payload: Bytes,
}

impl Packet {
    /// Reads a packet; `None` for octets that are none.
    pub(crate) fn read(octets: Bytes) -> Option<Self> {
        let (first, second) = (*octets.first()?, *octets.get(1)?);
        let sequence = u16::from_be_bytes([*octets.get(2)?, *octets.get(3)?]);
        let is_version_2 = first >> 6 == 2;
        let mut start = 12 + usize::from(first & 0xf) * 4;
        if first & 0x10 != 0 {
            let words = u16::from_be_bytes([*octets.get(start + 2)?, *octets.get(start + 3)?]);
            start += 4 + usize::from(words) * 4;
        }
        let padding = if first & 0x20 != 0 { usize::from(*octets.last()?) } else { 0 };
        let end = octets.len().checked_sub(padding)?;
        let is_padding_good = first & 0x20 == 0 || padding > 0;
        (is_version_2 && is_padding_good && start <= end).then_some(())?;
        Some(Self { payload_type: second & 0x7f, sequence, payload: octets.slice(start..end) })
    }
}

/// Payloads in the order of their sequence numbers, each packet once, with the types that `name` gives; those of one type that can be
/// are joined.
pub(crate) fn runs(mut packets: Vec<Packet>, name: impl Fn(u8) -> Option<String>) -> Vec<RtpRun> {
    let Some(first) = packets.first().map(|packet| packet.sequence) else { return Vec::new() };
    // Numbers go on from 65535 with 0: half of them are before the first and half after it.
    let place = |packet: &Packet| i32::from(packet.sequence.wrapping_sub(first) as i16);
    packets.sort_by_key(place);
    packets.dedup_by_key(|packet| packet.sequence);
    let mut runs: Vec<(u8, String, BytesMut)> = Vec::new();
    for packet in packets {
        let joins = STATIC.iter().any(|(number, _, joins)| *number == packet.payload_type && *joins);
        match runs.last_mut() {
            Some((payload_type, _, octets)) if joins && *payload_type == packet.payload_type => {
                octets.extend_from_slice(&packet.payload);
            }
            _ => {
                // Whoever made the packets has seen to it that each type has a name.
                let Some(name) = name(packet.payload_type) else { continue };
                runs.push((packet.payload_type, name, BytesMut::from(&packet.payload[..])));
            }
        }
    }
    runs.into_iter().map(|(_, content_type, octets)| RtpRun { content_type, octets: octets.freeze() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload_type: u8, sequence: u16, payload: &[u8]) -> Packet {
        let [high, low] = sequence.to_be_bytes();
        let octets = [&[0x80, payload_type, high, low, 0, 0, 0, 0, 0, 0, 0, 1], payload].concat();
        Packet::read(octets.into()).unwrap()
    }

    fn said(runs: &[RtpRun]) -> Vec<(&str, &[u8])> {
        runs.iter().map(|run| (run.content_type.as_str(), &run.octets[..])).collect()
    }

    fn name(payload_type: u8) -> Option<String> {
        static_type(payload_type).map(str::to_owned).or_else(|| (payload_type == 96).then(|| "audio/AMR".to_owned()))
    }

    #[test]
    fn a_payload_is_what_stands_between_header_and_padding() {
        let octets = [
            &[0xb1, 0x88, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1][..], // padding, extension, one CSRC; marker, PCMA
            &[0, 0, 0, 2],                                   // CSRC
            &[0xbe, 0xde, 0, 1, 1, 2, 3, 4],                 // extension of one word
            b"voice",
            &[0, 0, 3],
        ]
        .concat();
        let read = Packet::read(octets.clone().into()).unwrap();
        assert_eq!((read.payload_type, read.sequence, &read.payload[..]), (8, 7, &b"voice"[..]));
        for end in 0..24 {
            assert_eq!(Packet::read(octets[..end].to_vec().into()), None, "{end}");
        }
        for wrong in [[0x40, 0], [0xa0, 0], [0x9f, 0]] {
            assert_eq!(Packet::read([&wrong[..], &[0; 10]].concat().into()), None);
        }
    }

    #[test]
    fn payloads_stand_in_their_order_and_once() {
        let packets = vec![
            packet(0, 65535, b"b"),
            packet(0, 1, b"d"),
            packet(0, 0, b"c"),
            packet(0, 65534, b"a"),
            packet(0, 1, b"d"),
        ];
        assert_eq!(said(&runs(packets, name)), [("audio/PCMU", &b"abcd"[..])]);
    }

    #[test]
    fn only_what_can_be_joined_is() {
        let packets =
            vec![packet(96, 1, b"a"), packet(96, 2, b"b"), packet(8, 3, b"c"), packet(8, 4, b"d"), packet(0, 5, b"e")];
        let expected: [(&str, &[u8]); 4] =
            [("audio/AMR", b"a"), ("audio/AMR", b"b"), ("audio/PCMA", b"cd"), ("audio/PCMU", b"e")];
        assert_eq!(said(&runs(packets, name)), expected);
        assert!(runs(Vec::new(), name).is_empty());
    }
}
