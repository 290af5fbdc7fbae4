//! What an LEMF sends: responses to keep-alives and to requests, and whatever else a faulty or hostile one may write. Pure, and
//! bounded.

use bytes::{Buf, BytesMut};
use writ_etsi::{FrameScanner, Payload, TransportOption, TriPayload};

/// Octets of the largest PDU taken from an LEMF. A response to a keep-alive has about a hundred.
const MAX_PDU: usize = 4096;
/// PDUs of no use that one connection may bring before it is closed.
const MAX_UNEXPECTED: u32 = 100;

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// `keep-aliveResponse`.
    KeepAliveResponse,
    /// `optionResponse`: whether it accepts `pDUAcknowledgement`.
    Options(bool),
    /// `pDUAcknowledgementResponse` with this sequence number.
    Acknowledged(u32),
    /// Another PDU, or one with a payload that is not understood.
    Unexpected,
}

/// What came is no PDU, too large, or too much: the place of the next PDU is unknown or not worth finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoProtocol;

/// Octets from the LEMF, until they are PDUs.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Never more than [`MAX_PDU`] and what one read adds, since every whole PDU is taken out after each read.
    pub(crate) octets: BytesMut,
    frames: FrameScanner,
    /// Of the PDU at the front, once it is known: the scanner tells it once.
    length: Option<usize>,
    unexpected: u32,
}

impl Incoming {
    pub(crate) fn new() -> Self {
        Self { octets: BytesMut::new(), frames: FrameScanner::new(MAX_PDU), length: None, unexpected: 0 }
    }

    /// The next whole PDU, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Arrival>, NoProtocol> {
        let length = match self.length {
            Some(length) => length,
            None => match self.frames.length(&self.octets).map_err(|_| NoProtocol)? {
                Some(length) => *self.length.insert(length),
                None => return Ok(None),
            },
        };
        let Some(pdu) = self.octets.get(..length) else { return Ok(None) };
        let arrival = arrival(pdu);
        self.octets.advance(length);
        self.length = None;
        if arrival == Arrival::Unexpected {
            self.unexpected()?;
        }
        Ok(Some(arrival))
    }

    /// What came was of no use.
    pub(crate) fn unexpected(&mut self) -> Result<(), NoProtocol> {
        self.unexpected += 1;
        if self.unexpected > MAX_UNEXPECTED { Err(NoProtocol) } else { Ok(()) }
    }
}

fn arrival(pdu: &[u8]) -> Arrival {
    let Ok(pdu) = writ_etsi::decode(pdu) else { return Arrival::Unexpected };
    let Payload::TriPayload(payload) = pdu.payload else { return Arrival::Unexpected };
    match payload {
        TriPayload::KeepAliveResponse => Arrival::KeepAliveResponse,
        TriPayload::OptionResponse(response) => {
            Arrival::Options(response.accepted_options.contains(&TransportOption::PduAcknowledgement))
        }
        TriPayload::PduAcknowledgementResponse => Arrival::Acknowledged(pdu.ps_header.sequence_number),
        _ => Arrival::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use writ_etsi::Profile;

    use crate::link_pdu::LinkPdus;
    use crate::pdu::Interface;
    use crate::settings::HandoverSettings;

    fn pdus() -> LinkPdus {
        LinkPdus::new(&HandoverSettings::default(), Profile::Current, Interface::Hi2).unwrap()
    }

    /// The keep-alive with its payload's alternative, `83 00`, made the response, `84 00`.
    fn response() -> Vec<u8> {
        let mut octets = pdus().keep_alive().unwrap().to_vec();
        let alternative = octets.len() - 2;
        assert_eq!(octets[alternative..], [0x83, 0x00]);
        octets[alternative] = 0x84;
        octets
    }

    #[test]
    fn responses_are_found_however_the_octets_are_cut() {
        let two = response().repeat(2);
        for step in [1, 7, two.len()] {
            let mut incoming = Incoming::new();
            let mut arrivals = Vec::new();
            for piece in two.chunks(step) {
                incoming.octets.extend_from_slice(piece);
                while let Some(arrival) = incoming.next().unwrap() {
                    arrivals.push(arrival);
                }
            }
            assert_eq!(arrivals, [Arrival::KeepAliveResponse; 2]);
            assert!(incoming.octets.is_empty());
        }
    }

    #[test]
    fn other_pdus_are_counted_until_there_are_too_many() {
        let mut incoming = Incoming::new();
        for _ in 0..MAX_UNEXPECTED {
            incoming.octets.extend_from_slice(&pdus().keep_alive().unwrap());
            assert_eq!(incoming.next(), Ok(Some(Arrival::Unexpected)));
        }
        incoming.octets.extend_from_slice(&[0x30, 0x00]);
        assert_eq!(incoming.next(), Err(NoProtocol));
    }

    #[test]
    fn what_is_no_pdu_or_too_large_ends_it() {
        for octets in [&b"GET / HTTP/1.1\r\n"[..], &[0x30, 0x82, 0x10, 0x00], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]] {
            let mut incoming = Incoming::new();
            incoming.octets.extend_from_slice(octets);
            assert_eq!(incoming.next(), Err(NoProtocol), "{octets:x?}");
        }
    }

    #[test]
    fn an_endless_pdu_is_not_held() {
        let mut incoming = Incoming::new();
        incoming.octets.extend_from_slice(&[0x30, 0x80]);
        let refused = (0..2 * MAX_PDU).find(|_| {
            incoming.octets.extend_from_slice(&[0x04, 0x00]);
            incoming.next().is_err()
        });
        assert!(refused.is_some());
        assert!(incoming.octets.len() <= MAX_PDU + 64);
    }
}
