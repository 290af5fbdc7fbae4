//! `TRIPayload`: what the two ends of a delivery connection tell each other (TS 102 232-1).

use rasn::{AsnType, Decode, Decoder as _, Encode};

use crate::Payload;
use crate::asn1::{Additions, OctetString, choice, enumerated, opaque_debug};

choice! {
    /// `TRIPayload`. From `optionRequest` on, profile `current` alone.
    TriPayload {
        IntegrityCheck(IntegrityCheck) = 0 "integrityCheck",
        PaddingPdu(OctetString) = 2 "paddingPDU",
        OperatorLeaMessage(OperatorLeaMessage) = 8 "operatorLeaMessage",
        OptionRequest(OptionRequest) = 9 "optionRequest",
        OptionResponse(OptionResponse) = 10 "optionResponse";
        TestPdu = 1 "testPDU",
        KeepAlive = 3 "keep-alive",
        KeepAliveResponse = 4 "keep-aliveResponse",
        FirstSegmentFlag = 5 "firstSegmentFlag",
        LastSegmentFlag = 6 "lastSegmentFlag",
        CinReset = 7 "cINReset",
        OptionComplete = 11 "optionComplete",
        PduAcknowledgementRequest = 12 "pDUAcknowledgementRequest",
        PduAcknowledgementResponse = 13 "pDUAcknowledgementResponse",
    }
}

/// `IntegrityCheck`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct IntegrityCheck {
    /// `includedSequenceNumbers [0]`, in the order the PDUs were processed.
    #[rasn(tag(0))]
    pub included_sequence_numbers: Vec<u32>,
    /// `checkType [1]`
    #[rasn(tag(1))]
    pub check_type: CheckType,
    /// `dataType [2]`: optional in the module, always sent.
    #[rasn(tag(2))]
    pub data_type: Option<DataType>,
    /// `checkValue [3]`
    #[rasn(tag(3))]
    pub check_value: OctetString,
    /// `hashAlgorithm [4]`, profile `current` alone.
    #[rasn(tag(4))]
    pub hash_algorithm: Option<HashAlgorithm>,
    /// `signatureAlgorithm [5]`, profile `current` alone.
    #[rasn(tag(5))]
    pub signature_algorithm: Option<SignatureAlgorithm>,
    /// Extension additions.
    pub additions: Additions,
}

enumerated! {
    /// `checkType`
    CheckType { Hash = 1 "hash", Signature = 2 "signature" }
}

enumerated! {
    /// `dataType`: which PDUs an integrity check covers.
    DataType { Iri = 1 "iRI", Cc = 2 "cC" }
}

enumerated! {
    /// `hashAlgorithm`
    HashAlgorithm { Sha1 = 1 "sHA-1", Sha256 = 2 "sHA-256", Sha384 = 3 "sHA-384", Sha512 = 4 "sHA-512" }
}

enumerated! {
    /// `signatureAlgorithm`
    SignatureAlgorithm { Dsa = 1 "dSA", Ecdsa = 2 "eCDSA", EdDsa = 3 "edDSA" }
}

/// `OperatorLeaMessage`: words from the operator, such as that something was lost.
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct OperatorLeaMessage {
    /// `messagePriority [0]`
    #[rasn(tag(0))]
    pub message_priority: MessagePriority,
    /// `message [1]`, 1 to 255 octets.
    #[rasn(tag(1))]
    pub message: OctetString,
    /// Extension additions.
    pub additions: Additions,
}

enumerated! {
    /// `messagePriority`
    MessagePriority { Error = 1 "error", Informational = 2 "informational" }
}

/// `OptionRequest`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct OptionRequest {
    /// `requestedOptions [0]`
    #[rasn(tag(0))]
    pub requested_options: Vec<TransportOption>,
    /// Extension additions.
    pub additions: Additions,
}

/// `OptionResponse`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct OptionResponse {
    /// `acceptedOptions [0]`
    #[rasn(tag(0))]
    pub accepted_options: Vec<TransportOption>,
    /// `declinedOptions [1]`
    #[rasn(tag(1))]
    pub declined_options: Vec<TransportOption>,
    /// Extension additions.
    pub additions: Additions,
}

choice! {
    /// `Option`, under a name that leaves `core::option::Option` its own.
    TransportOption {
        ; PduAcknowledgement = 0 "pDUAcknowledgement",
    }
}

/// `EncryptionContainer`: a payload that the sender encrypted.
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct EncryptionContainer {
    /// `encryptionType [0]`
    #[rasn(tag(0))]
    pub encryption_type: EncryptionType,
    /// `encryptedPayload [1]`: an [`EncryptedPayload`], encrypted.
    #[rasn(tag(1))]
    pub encrypted_payload: OctetString,
    /// `encryptedPayloadType [2]`
    #[rasn(tag(2))]
    pub encrypted_payload_type: Option<EncryptedPayloadType>,
    /// Extension additions.
    pub additions: Additions,
}

enumerated! {
    /// `encryptionType`
    EncryptionType { None = 1 "none", National = 2 "national", Aes192Cbc = 3 "aES-192-CBC", Aes256Cbc = 4 "aES-256-CBC" }
}

enumerated! {
    /// `encryptedPayloadType`
    EncryptedPayloadType { Unknown = 1 "unknown", Part2 = 2 "part2" }
}

/// `EncryptedPayload`: what is encrypted.
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct EncryptedPayload {
    /// `byteCounter [0]`: starts at unix seconds × 2³², then adds the size of every earlier PDU.
    #[rasn(tag(0))]
    pub byte_counter: u64,
    /// `payload [1]`
    #[rasn(tag(1))]
    pub payload: Payload,
    /// Extension additions.
    pub additions: Additions,
}

opaque_debug!(IntegrityCheck, OperatorLeaMessage, OptionRequest, OptionResponse, EncryptionContainer, EncryptedPayload);
