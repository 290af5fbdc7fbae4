//! Nothing that a peer sends makes the decoder panic, recurse without end, or take more than linear time and memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod notation;

use std::time::{Duration, Instant};

use notation::*;
use proptest::prelude::*;
use writ_etsi::*;

fn with_contents(length: usize) -> Vec<u8> {
    let mut value = pdu(cc(CcContents::EmailCc(EmailCc {
        email_cc_obj_id: Profile::Current.object_id(ObjectIdOf::EmailCc),
        email_format: EmailFormat::Application,
        content: vec![b'x'; length].into(),
    })));
    if let Payload::CcPayloadSequence(pieces) = &mut value.payload {
        let piece = pieces[0].clone();
        pieces.push(piece);
    }
    encode(&value).unwrap()
}

/// The best of some runs, so that a busy machine does not matter.
fn time(mut run: impl FnMut()) -> Duration {
    (0..5)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .min()
        .unwrap()
}

#[test]
fn the_cost_of_long_contents_is_linear() {
    let (short, long) = (with_contents(250_000), with_contents(4_000_000));
    let of_short = time(|| drop(decode(&short).unwrap()));
    let of_long = time(|| drop(decode(&long).unwrap()));
    // Sixteen times the octets. Super-linear cost would show as 256 times.
    assert!(of_long < of_short.max(Duration::from_micros(20)) * 80, "{of_short:?} and {of_long:?}");
}

#[test]
fn the_cost_of_many_values_is_linear() {
    let many = |count: usize| {
        let numbers = vec![128u32; count];
        encode(&pdu(Payload::TriPayload(TriPayload::IntegrityCheck(IntegrityCheck {
            included_sequence_numbers: numbers,
            check_type: CheckType::Hash,
            data_type: None,
            check_value: vec![].into(),
            hash_algorithm: None,
            signature_algorithm: None,
            additions: asn1::Additions::NONE,
        }))))
        .unwrap()
    };
    let (short, long) = (many(6_000), many(96_000));
    let of_short = time(|| drop(decode(&short).unwrap()));
    let of_long = time(|| drop(decode(&long).unwrap()));
    assert!(of_long < of_short.max(Duration::from_micros(50)) * 80, "{of_short:?} and {of_long:?}");
}

#[test]
fn an_indefinite_pdu_that_drips_in_costs_what_one_that_comes_whole_does() {
    let mut octets = vec![0x30, 0x80];
    octets.extend([0x05, 0x00].repeat(500_000));
    octets.extend([0, 0]);
    let mut scanner = FrameScanner::new(MAX_PDU_OCTETS);
    let start = Instant::now();
    let mut length = None;
    for end in 1..=octets.len() {
        length = scanner.length(&octets[..end]).unwrap();
    }
    assert_eq!(length, Some(octets.len()));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn many_values_in_few_octets_are_refused_before_they_are_made() {
    // The smallest IRIPayload there is, 2,000,000 times: each would become a value of some hundred octets.
    let mut octets = octets(HEADER);
    let records = [0x30, 0x04, 0xa2, 0x02, 0x80, 0x00].repeat(2_000_000);
    let definite = |tag: u8, contents: Vec<u8>| {
        let mut whole = vec![tag, 0x84];
        whole.extend((contents.len() as u32).to_be_bytes());
        whole.extend(contents);
        whole
    };
    octets.extend(definite(0xa2, definite(0xa0, records)));
    let whole = definite(0x30, octets);
    assert!(matches!(decode(&whole), Err(DecodeError::TooMany { .. })));
}

#[test]
fn nesting_of_every_kind_is_refused() {
    for tag in [0x30, 0xa2, 0x24, 0xa1, 0x31] {
        let mut octets = octets(&format!("30 80 {HEADER} a2 80"));
        octets.extend([tag, 0x80].repeat(1_000_000));
        assert!(matches!(decode(&octets), Err(DecodeError::TooDeep { .. })), "{tag:02x}");
    }
}

#[test]
fn a_value_inside_another_counts_though_its_outer_tag_says_primitive() {
    // The payload's explicit tag, 82 for a2: what it holds was not seen when the limits were checked.
    let hidden = octets(
        "3040a13380070400020205010e8106434c49454e5482024e4ca30ba006800457524954810101840100a709800469a55190810100\
         8801018209a0073005a203800141",
    );
    let refused = decode(&hidden);
    assert!(matches!(refused, Err(DecodeError::Value { expected: "a constructed value", .. })), "{refused:?}");
}

#[test]
fn a_value_of_another_module_is_constructed_too() {
    let of = |tag: &str| octets(&format!("30 {{ {HEADER} a2 {{ {tag} {{ 30 {{ 80 01 00 }} }} }} }}"));
    let pdu = decode(&of("a3")).unwrap();
    assert_eq!(encode(&pdu).unwrap(), of("a3"));
    assert!(matches!(decode(&of("83")), Err(DecodeError::Value { expected: "a constructed value", .. })));
}

#[test]
fn many_values_under_a_primitive_tag_are_not_made() {
    let records = [0x30, 0x04, 0xa2, 0x02, 0x80, 0x00].repeat(1_000_000);
    let definite = |tag: u8, contents: Vec<u8>| {
        let mut whole = vec![tag, 0x84];
        whole.extend((contents.len() as u32).to_be_bytes());
        whole.extend(contents);
        whole
    };
    for payload in [0x82, 0xa2] {
        let mut pdu = octets(HEADER);
        pdu.extend(definite(payload, definite(0xa0, records.clone())));
        let start = Instant::now();
        assert!(decode(&definite(0x30, pdu)).is_err());
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    }
}

/// Every payload that the octet tests write down, as material to break.
fn specimens() -> Vec<Vec<u8>> {
    let source = include_str!("octets.rs");
    let mut specimens: Vec<Vec<u8>> = source
        .split('"')
        .filter(|text| text.starts_with("a2 ") && text.matches('{').count() == text.matches('}').count())
        .filter(|text| !text.contains("{{"))
        .map(|text| octets(&format!("30 {{ {HEADER} {} }}", text.replace('\\', ""))))
        .collect();
    specimens.push(octets(&format!("30 {{ {HEADER} a2 {{ a0 {{ 30 {{ a2 {{ a1 {{ {EMAIL_IRI} }} }} }} }} }} }}")));
    assert!(specimens.len() > 20, "{}", specimens.len());
    specimens
}

#[test]
fn every_prefix_and_every_single_changed_octet() {
    for specimen in specimens() {
        for end in 0..specimen.len() {
            let _ = pdu_length(&specimen[..end]);
            assert!(decode(&specimen[..end]).is_err());
        }
        for at in 0..specimen.len() {
            for value in [0x00, 0x01, 0x1f, 0x24, 0x30, 0x7f, 0x80, 0x81, 0x84, 0xa2, 0xbf, 0xff] {
                let mut changed = specimen.clone();
                changed[at] = value;
                if let Ok(pdu) = decode(&changed) {
                    let _ = encode(&pdu);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn random_octets(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = pdu_length(&octets);
        let _ = decode(&octets);
    }

    #[test]
    fn random_values_where_a_payload_stands(octets in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut contents = notation::octets(HEADER);
        contents.extend([0xa2, 0x80]);
        contents.extend(octets);
        contents.extend([0, 0]);
        let mut whole = vec![0x30, 0x80];
        whole.extend(contents);
        whole.extend([0, 0]);
        let _ = pdu_length(&whole);
        let _ = decode(&whole);
    }

    #[test]
    fn mutated_pdus(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6),
    ) {
        let specimens = specimens();
        let mut octets = specimens[which.index(specimens.len())].clone();
        for (at, value, how) in changes {
            let at = at.index(octets.len());
            match how {
                0 => octets[at] = value,
                1 => octets.insert(at, value),
                _ if octets.len() > 1 => { octets.remove(at); }
                _ => {}
            }
        }
        let _ = pdu_length(&octets);
        if let Ok(pdu) = decode(&octets)
            && let Ok(encoded) = encode(&pdu)
        {
            prop_assert!(decode(&encoded).unwrap() == pdu, "what was read is written and read again the same");
        }
    }
}
