//! The payload of a `PS-PDU`: IRI, CC, or what transport itself says (TS 102 232-1).

use rasn::{AsnType, Decode, Decoder as _, Encode};

use crate::asn1::{Additions, GeneralizedTime, OctetString, RawValue, choice, enumerated, opaque_debug};
use crate::{EmailCc, EmailIri, EncryptionContainer, MessagingCc, MessagingIri, MicroSecondTimeStamp};
use crate::{TimeStampQualifier, TriPayload};

choice! {
    /// `Payload`
    Payload {
        IriPayloadSequence(Vec<IriPayload>) = 0 "iRIPayloadSequence",
        CcPayloadSequence(Vec<CcPayload>) = 1 "cCPayloadSequence",
        TriPayload(TriPayload) = 2 "tRIPayload",
        Hi1Operation(RawValue) = 3 "hI1-Operation",
        EncryptionContainer(EncryptionContainer) = 4 "encryptionContainer",
    }
}

/// `IRIPayload`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct IriPayload {
    /// `iRIType [0]`
    #[rasn(tag(0))]
    pub iri_type: Option<IriType>,
    /// `timeStamp [1]`
    #[rasn(tag(1))]
    pub time_stamp: Option<GeneralizedTime>,
    /// `iRIContents [2]`
    #[rasn(tag(2))]
    pub iri_contents: IriContents,
    /// `microSecondTimeStamp [3]`, profile `current` alone.
    #[rasn(tag(3))]
    pub micro_second_time_stamp: Option<MicroSecondTimeStamp>,
    /// `timeStampQualifier [4]`, profile `current` alone.
    #[rasn(tag(4))]
    pub time_stamp_qualifier: Option<TimeStampQualifier>,
    /// Extension additions.
    pub additions: Additions,
}

enumerated! {
    /// `IRIType`: where in the communication this record stands.
    IriType { Begin = 1 "iRI-Begin", End = 2 "iRI-End", Continue = 3 "iRI-Continue", Report = 4 "iRI-Report" }
}

choice! {
    /// `IRIContents`
    IriContents {
        UndefinedIri(OctetString) = 0 "undefinedIRI",
        EmailIri(Box<EmailIri>) = 1 "emailIRI",
        MessagingIri(Box<MessagingIri>) = 14 "messagingIRI",
    }
}

/// `CCPayload`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct CcPayload {
    /// `payloadDirection [0]`
    #[rasn(tag(0))]
    pub payload_direction: Option<PayloadDirection>,
    /// `timeStamp [1]`
    #[rasn(tag(1))]
    pub time_stamp: Option<GeneralizedTime>,
    /// `cCContents [2]`
    #[rasn(tag(2))]
    pub cc_contents: CcContents,
    /// `microSecondTimeStamp [3]`
    #[rasn(tag(3))]
    pub micro_second_time_stamp: Option<MicroSecondTimeStamp>,
    /// `timeStampQualifier [4]`, profile `current` alone.
    #[rasn(tag(4))]
    pub time_stamp_qualifier: Option<TimeStampQualifier>,
    /// Extension additions.
    pub additions: Additions,
}

enumerated! {
    /// `PayloadDirection`: as the target sees it, whichever end of the connection that is.
    PayloadDirection {
        FromTarget = 0 "fromTarget",
        ToTarget = 1 "toTarget",
        Indeterminate = 2 "indeterminate",
        Combined = 3 "combined",
        NotApplicable = 4 "notapplicable",
    }
}

choice! {
    /// `CCContents`
    CcContents {
        UndefinedCc(OctetString) = 0 "undefinedCC",
        EmailCc(EmailCc) = 1 "emailCC",
        MessagingCc(Box<MessagingCc>) = 14 "messagingCC",
        MessagingMmCc(RawValue) = 18 "messagingMMCC",
    }
}

opaque_debug!(IriPayload, CcPayload);
