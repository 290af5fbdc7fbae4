//! Whether the numbers of PDUs follow each other: from 0 for each (LIID, CIN), or for each LIID, IRI and CC apart
//! (TS 102 232-1, `sequenceNumber`).

use std::collections::{HashMap, VecDeque};

use writ_etsi::{CommunicationIdentifier, DataType, Payload, PsHeader, PsPdu, TriPayload};

use super::names::Communication;
use super::source::Resets;

/// Missing ranges remembered of one sequence, so that what comes late can be told from what comes twice.
const MAX_MISSING: usize = 64;

/// The handover interface that a sequence belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interface {
    /// HI2: intercept related information.
    Hi2,
    /// HI3: content of communication.
    Hi3,
}

/// How the sender numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbering {
    /// From 0 for each (LIID, CIN).
    #[default]
    PerCin,
    /// From 0 for each LIID.
    PerLiid,
}

/// What a number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// The number that was due.
    InOrder,
    /// Numbers from `expected` on are missing, up to this one.
    Gap {
        /// The number that was due.
        expected: u32,
        /// How many are missing.
        missing: u32,
    },
    /// A number that was missing until now.
    Late,
    /// A number that was there before: after a reconnection a PDU may come twice.
    Duplicate,
}

struct Stream {
    next: u32,
    /// Ranges of missing numbers, both ends included, oldest first.
    missing: VecDeque<(u32, u32)>,
    /// The reset count when this stream was last heard.
    resets: u64,
    used: u64,
}

/// The sequences that are followed.
pub(super) struct Sequences {
    streams: HashMap<(Communication, Interface), Stream>,
    numbering: Numbering,
    max: usize,
    resets: Resets,
    clock: u64,
    forgotten: u64,
}

impl Sequences {
    pub(super) fn new(numbering: Numbering, max: usize) -> Self {
        Self { streams: HashMap::new(), numbering, max: max.max(1), resets: Resets::default(), clock: 0, forgotten: 0 }
    }

    /// `cINReset`: CINs of its source start anew. It comes over each interface on its own, before or after PDUs that are already of the
    /// new count on the other. So a stream begins again only when it is itself heard at 0.
    pub(super) fn reset(&mut self, header: &PsHeader) {
        self.resets.reset(header);
    }

    /// How many sequences were given up because there were too many.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Judges the number of a PDU, and whether the stream begins again with it.
    pub(super) fn check(&mut self, communication: &Communication, interface: Interface, number: u32) -> Judged {
        let mut key = (communication.clone(), interface);
        if self.numbering == Numbering::PerLiid {
            key.0.cin = None;
        }
        self.clock += 1;
        if !self.streams.contains_key(&key) && self.streams.len() >= self.max {
            self.forget_oldest();
        }
        let resets = self.resets.of(communication);
        let new = || Stream { next: 0, missing: VecDeque::new(), resets, used: self.clock };
        let stream = self.streams.entry(key).or_insert_with(new);
        let restarted = stream.resets != resets && number == 0 && stream.next != 0;
        if restarted {
            *stream = new();
        }
        stream.resets = resets;
        stream.used = self.clock;
        Judged { sequence: stream.take(number), restarted }
    }

    /// Makes room: a sixteenth at once, so that the search is paid for by as many new streams.
    fn forget_oldest(&mut self) {
        let mut uses: Vec<u64> = self.streams.values().map(|stream| stream.used).collect();
        let index = (uses.len() / 16).min(uses.len().saturating_sub(1));
        let (_, &mut threshold, _) = uses.select_nth_unstable(index);
        let before = self.streams.len();
        self.streams.retain(|_, stream| stream.used > threshold);
        self.forgotten += (before - self.streams.len()) as u64;
    }
}

/// What [`Sequences::check`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) sequence: Sequence,
    pub(super) restarted: bool,
}

impl Stream {
    fn take(&mut self, number: u32) -> Sequence {
        // After 2^32 - 1 comes 0: what is less than half the range ahead is ahead.
        let ahead = number.wrapping_sub(self.next);
        if ahead == 0 {
            self.next = number.wrapping_add(1);
            return Sequence::InOrder;
        }
        if ahead < 1 << 31 {
            let expected = self.next;
            if self.missing.len() >= MAX_MISSING {
                self.missing.pop_front();
            }
            self.missing.push_back((expected, number.wrapping_sub(1)));
            self.next = number.wrapping_add(1);
            return Sequence::Gap { expected, missing: ahead };
        }
        self.fill(number)
    }

    fn fill(&mut self, number: u32) -> Sequence {
        let within = |&(first, last): &(u32, u32)| number.wrapping_sub(first) <= last.wrapping_sub(first);
        let Some(index) = self.missing.iter().position(within) else { return Sequence::Duplicate };
        let Some((first, last)) = self.missing.remove(index) else { return Sequence::Duplicate };
        if number != last {
            self.missing.insert(index, (number.wrapping_add(1), last));
        }
        if number != first {
            self.missing.insert(index, (first, number.wrapping_sub(1)));
        }
        while self.missing.len() > MAX_MISSING {
            self.missing.pop_front();
        }
        Sequence::Late
    }
}

/// The sequence that a PDU has a number in. Segment flags count along with the content that they enclose, and words
/// about a communication with its events; integrity checks with what they cover. What is about no communication is not
/// checked.
pub(crate) fn sequence_of(pdu: &PsPdu) -> Option<(Communication, Interface)> {
    let CommunicationIdentifier { communication_identity_number: Some(_), .. } = pdu.ps_header.communication_identifier
    else {
        return None;
    };
    let interface = match &pdu.payload {
        Payload::IriPayloadSequence(_) | Payload::TriPayload(TriPayload::OperatorLeaMessage(_)) => Interface::Hi2,
        Payload::CcPayloadSequence(_)
        | Payload::TriPayload(TriPayload::FirstSegmentFlag | TriPayload::LastSegmentFlag) => Interface::Hi3,
        Payload::TriPayload(TriPayload::IntegrityCheck(check)) => match check.data_type? {
            DataType::Iri => Interface::Hi2,
            DataType::Cc => Interface::Hi3,
            DataType::Unrecognised(_) => return None,
        },
        _ => return None,
    };
    Some((Communication::of(&pdu.ps_header), interface))
}

#[cfg(test)]
mod tests {
    use super::*;
    use writ_etsi::asn1::Additions;
    use writ_etsi::{NetworkIdentifier, Profile};

    fn communication(liid: &str, cin: u32) -> Communication {
        Communication::new(liid.as_bytes(), Some(cin))
    }

    fn judge(sequences: &mut Sequences, numbers: &[u32]) -> Vec<Sequence> {
        numbers.iter().map(|number| sequences.check(&communication("L", 1), Interface::Hi2, *number).sequence).collect()
    }

    #[test]
    fn gaps_late_ones_and_duplicates() {
        let mut sequences = Sequences::new(Numbering::PerCin, 10);
        assert_eq!(
            judge(&mut sequences, &[0, 1, 5, 3, 3, 2, 4, 4, 6, 1]),
            [
                Sequence::InOrder,
                Sequence::InOrder,
                Sequence::Gap { expected: 2, missing: 3 },
                Sequence::Late,
                Sequence::Duplicate,
                Sequence::Late,
                Sequence::Late,
                Sequence::Duplicate,
                Sequence::InOrder,
                Sequence::Duplicate,
            ]
        );
    }

    #[test]
    fn a_sequence_begins_at_0() {
        let mut sequences = Sequences::new(Numbering::PerCin, 10);
        assert_eq!(judge(&mut sequences, &[2, 0]), [Sequence::Gap { expected: 0, missing: 2 }, Sequence::Late]);
    }

    #[test]
    fn numbers_wrap() {
        let mut stream = Stream { next: u32::MAX, missing: VecDeque::new(), resets: 0, used: 0 };
        assert_eq!(stream.take(u32::MAX), Sequence::InOrder);
        assert_eq!(stream.take(0), Sequence::InOrder);
        stream.next = u32::MAX;
        assert_eq!(stream.take(1), Sequence::Gap { expected: u32::MAX, missing: 2 });
        assert_eq!(stream.take(0), Sequence::Late);
        assert_eq!(stream.take(u32::MAX), Sequence::Late);
    }

    #[test]
    fn interfaces_and_communications_are_apart() {
        let mut sequences = Sequences::new(Numbering::PerCin, 10);
        for (liid, cin, interface) in
            [("L", 1, Interface::Hi2), ("L", 1, Interface::Hi3), ("L", 2, Interface::Hi2), ("M", 1, Interface::Hi2)]
        {
            assert_eq!(sequences.check(&communication(liid, cin), interface, 0).sequence, Sequence::InOrder);
        }
        let mut sequences = Sequences::new(Numbering::PerLiid, 10);
        for (cin, number) in [(1, 0), (2, 1), (1, 2)] {
            let judged = sequences.check(&communication("L", cin), Interface::Hi2, number);
            assert_eq!(judged.sequence, Sequence::InOrder);
        }
    }

    #[test]
    fn a_reset_lets_each_stream_begin_again_once_it_is_heard_at_0() {
        let mut sequences = Sequences::new(Numbering::PerCin, 10);
        assert_eq!(judge(&mut sequences, &[0, 1]), [Sequence::InOrder; 2]);
        sequences.resets.reset(&header(None));
        let judged = sequences.check(&communication("L", 1), Interface::Hi2, 0);
        assert_eq!(judged, Judged { sequence: Sequence::InOrder, restarted: true });
        // The reset of the other interface, which comes later, takes nothing back.
        sequences.resets.reset(&header(None));
        assert_eq!(judge(&mut sequences, &[1, 2, 0]), [Sequence::InOrder, Sequence::InOrder, Sequence::Duplicate]);
    }

    #[test]
    fn a_reset_is_that_of_its_network_element_alone() {
        let mut sequences = Sequences::new(Numbering::PerCin, 10);
        let [east, west] = [Some("EAST"), Some("WEST")].map(|element| Communication::of(&header(element)));
        for of in [&east, &west] {
            for number in [0, 1] {
                assert_eq!(sequences.check(of, Interface::Hi2, number).sequence, Sequence::InOrder);
            }
        }
        sequences.reset(&header(Some("EAST")));
        assert_eq!(sequences.check(&west, Interface::Hi2, 0).sequence, Sequence::Duplicate);
        assert!(sequences.check(&east, Interface::Hi2, 0).restarted);
    }

    fn header(element: Option<&str>) -> PsHeader {
        let network_identifier = NetworkIdentifier {
            operator_identifier: b"O".to_vec().into(),
            network_element_identifier: element.map(|element| element.as_bytes().to_vec().into()),
            additions: Additions::NONE,
        };
        let communication_identifier = CommunicationIdentifier {
            network_identifier,
            communication_identity_number: Some(1),
            delivery_country_code: None,
            additions: Additions::NONE,
        };
        PsHeader {
            li_ps_domain_id: Profile::Current.li_ps_domain_id(),
            lawful_interception_identifier: b"L".to_vec().into(),
            authorization_country_code: None,
            communication_identifier,
            sequence_number: 0,
            time_stamp: None,
            interception_point_id: None,
            micro_second_time_stamp: None,
            time_stamp_qualifier: None,
            additions: Additions::NONE,
        }
    }

    #[test]
    fn their_number_is_bounded_and_so_is_what_one_remembers() {
        let mut sequences = Sequences::new(Numbering::PerCin, 100);
        for cin in 0..1000 {
            sequences.check(&communication("L", cin), Interface::Hi2, 0);
            assert!(sequences.streams.len() <= 100);
        }
        assert_eq!(sequences.forgotten() + sequences.streams.len() as u64, 1000);
        let numbers: Vec<u32> = (0..1000).map(|number| number * 2).collect();
        judge(&mut sequences, &numbers);
        assert!(sequences.streams.values().all(|stream| stream.missing.len() <= MAX_MISSING));
    }
}
