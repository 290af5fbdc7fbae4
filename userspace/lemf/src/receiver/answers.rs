//! What a receiver answers: keep-alives, what a sender asks to be agreed, and requests to acknowledge (TS 102 232-1).

use writ_etsi::asn1::Additions;
use writ_etsi::{OptionRequest, OptionResponse, Payload, PsPdu, TransportOption, TriPayload};

/// Whether PDUs are acknowledged to a sender that asks for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Acknowledge {
    /// They are, once they are on disk.
    #[default]
    Accept,
    /// They are not, and the sender is told.
    Decline,
    /// The question is not answered, as by a receiver that does not know it.
    Never,
}

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    KeepAlive,
    Options,
    Acknowledgement,
}

/// A PDU to be sent back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) kind: Kind,
    pub(super) octets: Vec<u8>,
}

/// What becomes of a PDU.
pub(super) enum Taken {
    /// It was about the connection, and is not stored. None: there is no answer to it.
    Answered(Option<Answer>),
    /// It is stored.
    Kept(Box<PsPdu>),
}

/// What was agreed on one connection.
pub(super) struct Asked {
    acknowledge: Acknowledge,
    /// Whether the sender asked for acknowledgement and was told that it will have it.
    agreed: bool,
}

impl Asked {
    pub(super) fn new(acknowledge: Acknowledge) -> Self {
        Self { acknowledge, agreed: false }
    }

    pub(super) fn take(&mut self, pdu: PsPdu) -> Taken {
        let Payload::TriPayload(payload) = &pdu.payload else { return Taken::Kept(Box::new(pdu)) };
        let answer = match payload {
            TriPayload::KeepAlive => Some((Kind::KeepAlive, TriPayload::KeepAliveResponse)),
            TriPayload::OptionRequest(request) => {
                self.options(request).map(|response| (Kind::Options, TriPayload::OptionResponse(response)))
            }
            TriPayload::PduAcknowledgementRequest if self.agreed => {
                Some((Kind::Acknowledgement, TriPayload::PduAcknowledgementResponse))
            }
            TriPayload::PduAcknowledgementRequest | TriPayload::OptionComplete | TriPayload::KeepAliveResponse => None,
            _ => return Taken::Kept(Box::new(pdu)),
        };
        Taken::Answered(answer.and_then(|(kind, payload)| under_header_of(pdu, kind, payload)))
    }

    fn options(&mut self, request: &OptionRequest) -> Option<OptionResponse> {
        let accepts = |option: &TransportOption| {
            self.acknowledge == Acknowledge::Accept && *option == TransportOption::PduAcknowledgement
        };
        let (accepted_options, declined_options): (Vec<_>, Vec<_>) =
            request.requested_options.iter().cloned().partition(accepts);
        self.agreed = !accepted_options.is_empty();
        let response = OptionResponse { accepted_options, declined_options, additions: Additions::default() };
        (self.acknowledge != Acknowledge::Never).then_some(response)
    }
}

/// The answer under the header of the request. None to a header that the standard does not allow: a sender that waits for
/// the answer then sees that something is wrong with it.
fn under_header_of(request: PsPdu, kind: Kind, payload: TriPayload) -> Option<Answer> {
    let octets = writ_etsi::encode(&PsPdu { payload: Payload::TriPayload(payload), ..request }).ok()?;
    Some(Answer { kind, octets })
}
