use super::*;
use proptest::prelude::*;

fn key() -> SpoolKey {
    crate::spool::key::some_key()
}

fn pdu(octets: usize, kind: Kind) -> Pdu {
    let octets = (0..octets).map(|at| at as u8).collect::<Vec<_>>().into();
    Pdu { interface: Interface::Hi3, kind, time: Time::from_nanos(7), octets, checked: None }
}

/// Seals all of these, and opens what came of it: each PDU put together, and what the places say.
fn through(pdus: &[Pdu]) -> (Vec<Pdu>, Vec<Place>) {
    let mut sealer = Sealer::new(&key(), "a.b".to_owned()).unwrap();
    let mut opener = Opener::new(key(), "a.b".to_owned(), Interface::Hi3);
    let (mut rest, mut came, mut places) = (pdus, Vec::<Pdu>::new(), Vec::new());
    let mut partial = Vec::new();
    while let Some(sealed) = sealer.seal(rest).unwrap() {
        assert!(sealed.octets.len() <= LONGEST);
        rest = &rest[sealed.ends as usize..];
        let opened = opener.open(&sealed.octets).unwrap();
        assert_eq!(opened.place.number, sealed.number);
        assert_eq!(opened.place.pdus, came.len() as u64);
        places.push(opened.place);
        for piece in opened.records {
            assert_eq!(piece.continues, !partial.is_empty());
            partial.extend_from_slice(&piece.pdu.octets);
            if !piece.goes_on {
                came.push(Pdu { octets: std::mem::take(&mut partial).into(), ..piece.pdu });
            }
        }
    }
    assert!(rest.is_empty() && partial.is_empty());
    (came, places)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_sealed_is_opened(sizes in prop::collection::vec((prop_oneof![8 => 1..3000_usize, 1 => 100_000..900_000_usize], 0..3_usize), 1..400)) {
        let kinds = [Kind::Iri, Kind::Cc, Kind::Tri];
        let pdus: Vec<_> = sizes.iter().map(|(size, kind)| pdu(*size, kinds[*kind])).collect();
        let (came, places) = through(&pdus);
        prop_assert_eq!(came.len(), pdus.len());
        for (came, pdu) in came.iter().zip(&pdus) {
            prop_assert!(came.octets == pdu.octets && came.kind == pdu.kind && came.time == pdu.time);
        }
        prop_assert!(places.iter().zip(0..).all(|(place, number)| place.number == number));
    }

    #[test]
    fn what_anybody_may_have_written_is_refused(octets in prop::collection::vec(any::<u8>(), 0..300), begins in any::<bool>()) {
        let octets = if begins { [&MAGIC[..], &octets].concat() } else { octets };
        prop_assert!(Opener::new(key(), "a.b".to_owned(), Interface::Hi3).open(&octets).is_err());
    }
}

#[test]
fn what_was_changed_or_is_of_another_subject_does_not_open() {
    let mut sealer = Sealer::new(&key(), "a.b".to_owned()).unwrap();
    let sealed = sealer.seal(&[pdu(50, Kind::Cc)]).unwrap().unwrap().octets;
    assert!(Opener::new(key(), "a.b".to_owned(), Interface::Hi3).open(&sealed).is_ok());
    assert_eq!(Opener::new(key(), "a.c".to_owned(), Interface::Hi3).open(&sealed).unwrap_err(), Unopened::Changed);
    for at in 0..sealed.len() {
        let mut changed = sealed.to_vec();
        changed[at] ^= 0x10;
        assert!(Opener::new(key(), "a.b".to_owned(), Interface::Hi3).open(&changed).is_err(), "octet {at}");
        assert!(Opener::new(key(), "a.b".to_owned(), Interface::Hi3).open(&sealed[..at]).is_err(), "cut at {at}");
    }
    // Nothing of a PDU is in the clear.
    assert!(!sealed.windows(8).any(|window| window == [10, 11, 12, 13, 14, 15, 16, 17]));
}

#[test]
fn two_runs_have_no_key_in_common() {
    let [a, b] = [(); 2].map(|()| Sealer::new(&key(), "a.b".to_owned()).unwrap());
    assert_ne!(a.run(), b.run());
    assert_ne!(a.key.check, b.key.check);
}
