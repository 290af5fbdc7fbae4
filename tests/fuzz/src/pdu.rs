//! The PDU decoder: any octets; and what it made of them goes through the encoder and back unchanged.

use writ_etsi::{DecodeLimits, FrameScanner, MAX_PDU_OCTETS, decode, decode_within, encode, pdu_length};

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
    let again = decode(&octets).expect("what was encoded decodes");
    assert_eq!(again, pdu, "a PDU survives being encoded");
    assert_eq!(encode(&again).as_deref(), Ok(&octets[..]), "and has one encoding");
}
