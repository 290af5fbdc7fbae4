//! The PDU decoder: any octets; and what it made of them goes through the encoder and back unchanged.

use writ_etsi::{
    DecodeLimits, EncodedHeader, FrameScanner, MAX_PDU_OCTETS, Profile, decode, decode_encrypted_payload,
    decode_within, encode, encode_encrypted_payload, pdu_length,
};

/// Runs an input: one PDU.
pub fn run(input: &[u8]) {
    let length = pdu_length(input);
    let mut scanner = FrameScanner::new(MAX_PDU_OCTETS);
    let mut grown = Ok(None);
    for end in 0..=input.len().min(4096) {
        grown = scanner.length(&input[..end]);
        if grown != Ok(None) {
            break;
        }
    }
    if input.len() <= 4096 {
        assert_eq!(grown, length, "a buffer that grows tells the same");
    }
    // What a wrong key makes of a container.
    if let Ok(inside) = decode_encrypted_payload(input)
        && let Ok(octets) = encode_encrypted_payload(&inside)
    {
        assert_eq!(decode_encrypted_payload(&octets), Ok(inside), "an encrypted payload survives being encoded");
    }
    let _ = decode_within(input, DecodeLimits { octets: 4096, depth: 120, values: 1024 });
    let pdu = match decode(input) {
        Ok(pdu) => pdu,
        Err(error) => {
            let _ = error.to_string();
            return;
        }
    };
    assert_eq!(length, Ok(Some(input.len())), "a PDU is as long as its frame");
    // A decoder is more liberal than an encoder may be.
    let Ok(octets) = encode(&pdu) else { return };
    // A value that was passed over as one without values in it, and then decoded as one with them, would have got past the limits.
    assert!(values(input) >= values(&octets), "values that no limit counted");
    // Where a PDU of the volume is written without the general encoder, it is the same.
    let header = EncodedHeader::new(Profile::Current, pdu.ps_header.clone()).expect("the header was encoded");
    assert_eq!(header.pdu(&pdu.payload).as_deref(), Ok(&octets[..]), "one encoding, whoever writes it");
    let again = decode(&octets).expect("what was encoded decodes");
    assert_eq!(again, pdu, "a PDU survives being encoded");
    assert_eq!(encode(&again).as_deref(), Ok(&octets[..]), "and has one encoding");
}

/// How many values a PDU has, those in others too, as its identifier octets say it: X.690 §8.1.
fn values(octets: &[u8]) -> usize {
    let mut values = 0;
    let mut rest = octets;
    while let Some((identifier, after)) = rest.split_first() {
        rest = after;
        if identifier & 0x1f == 0x1f {
            let end = rest.iter().position(|octet| octet & 0x80 == 0).map_or(rest.len(), |at| at + 1);
            rest = &rest[end..];
        }
        let Some((initial, after)) = rest.split_first() else { break };
        rest = after;
        let more = if initial & 0x80 == 0 { 0 } else { usize::from(initial & 0x7f).min(rest.len()) };
        let (long, after) = rest.split_at(more);
        rest = after;
        let long =
            long.iter().fold(0_usize, |length, octet| length.saturating_mul(256).saturating_add((*octet).into()));
        let length = if initial & 0x80 == 0 { usize::from(*initial) } else { long };
        // End-of-contents octets are none.
        values += usize::from((*identifier, *initial) != (0, 0));
        if identifier & 0x20 == 0 {
            rest = &rest[length.min(rest.len())..];
        }
    }
    values
}
