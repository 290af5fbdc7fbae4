//! `TRIPayload` and `EncryptionContainer` as JSON.

use serde_json::Value;
use writ_etsi::{EncryptionContainer, TransportOption, TriPayload};

use super::fields::{Fields, alternative, named, raw, string};
use crate::show::octets::hex;

pub(super) fn payload(payload: &TriPayload) -> Value {
    let value = match payload {
        TriPayload::IntegrityCheck(check) => Fields::new()
            .add("includedSequenceNumbers", check.included_sequence_numbers.as_slice())
            .add("checkType", named!(check.check_type))
            .add_optional("dataType", check.data_type, |kind| named!(kind))
            // A hash or a signature is never text, whatever its octets happen to be.
            .add("checkValue", serde_json::json!({ "hex": hex(&check.check_value) }))
            .add_optional("hashAlgorithm", check.hash_algorithm, |algorithm| named!(algorithm))
            .add_optional("signatureAlgorithm", check.signature_algorithm, |algorithm| named!(algorithm))
            .additions(&check.additions),
        TriPayload::PaddingPdu(octets) => string(octets),
        TriPayload::OperatorLeaMessage(words) => Fields::new()
            .add("messagePriority", named!(words.message_priority))
            .add("message", string(&words.message))
            .additions(&words.additions),
        TriPayload::OptionRequest(request) => {
            Fields::new().add("requestedOptions", options(&request.requested_options)).additions(&request.additions)
        }
        TriPayload::OptionResponse(response) => Fields::new()
            .add("acceptedOptions", options(&response.accepted_options))
            .add("declinedOptions", options(&response.declined_options))
            .additions(&response.additions),
        TriPayload::Unrecognised(value) => raw(value),
        TriPayload::TestPdu
        | TriPayload::KeepAlive
        | TriPayload::KeepAliveResponse
        | TriPayload::FirstSegmentFlag
        | TriPayload::LastSegmentFlag
        | TriPayload::CinReset
        | TriPayload::OptionComplete
        | TriPayload::PduAcknowledgementRequest
        | TriPayload::PduAcknowledgementResponse => Value::Null,
    };
    alternative(payload.name(), value)
}

fn options(options: &[TransportOption]) -> Value {
    let option = |option: &TransportOption| {
        let value = match option {
            TransportOption::PduAcknowledgement => Value::Null,
            TransportOption::Unrecognised(value) => raw(value),
        };
        alternative(option.name(), value)
    };
    options.iter().map(option).collect()
}

pub(super) fn encryption_container(container: &EncryptionContainer) -> Value {
    Fields::new()
        .add("encryptionType", named!(container.encryption_type))
        .add("encryptedPayload", serde_json::json!({ "hex": hex(&container.encrypted_payload) }))
        .add_optional("encryptedPayloadType", container.encrypted_payload_type, |kind| named!(kind))
        .additions(&container.additions)
}
