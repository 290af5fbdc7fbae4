//! PDUs that two independent ASN.1 compilers encoded to the same octets: each must decode, and encode back unchanged.
//!
//! The file is not part of the tree. It is read from `WRIT_VECTORS`, or from `shared/spec` beside the checkout.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use std::path::PathBuf;

fn vectors() -> Option<serde_json::Map<String, serde_json::Value>> {
    let path = std::env::var_os("WRIT_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/spec/vectors.json")),
        PathBuf::from,
    );
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("SKIPPED: {} cannot be read: {error}", path.display());
            return None;
        }
    };
    Some(serde_json::from_str(&text).expect("the vectors are a JSON object"))
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn every_vector_decodes_and_encodes_back_to_the_same_octets() {
    let Some(vectors) = vectors() else { return };
    assert!(!vectors.is_empty());
    for (name, vector) in &vectors {
        let octets = octets(vector["hex"].as_str().expect("a vector has its octets in hex"));
        assert_eq!(writ_etsi::pdu_length(&octets).unwrap(), Some(octets.len()), "{name}");
        let pdu = writ_etsi::decode(&octets).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(writ_etsi::encode(&pdu).unwrap(), octets, "{name}");
    }
    eprintln!("{} vectors", vectors.len());
}
