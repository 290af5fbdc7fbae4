//! `PS-PDU` and its header (TS 102 232-1).

use rasn::{AsnType, Decode, Decoder as _, Encode};

use crate::Payload;
use crate::asn1::{
    Additions, GeneralizedTime, ObjectIdentifier, OctetString, PrintableString, enumerated, opaque_debug,
};

/// `PS-PDU`: what crosses HI2 and HI3, one after another, with no framing but its own tag and length.
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct PsPdu {
    /// `pSHeader [1]`
    #[rasn(tag(1))]
    pub ps_header: PsHeader,
    /// `payload [2]`
    #[rasn(tag(2))]
    pub payload: Payload,
}

/// `PSHeader`: the same for every PDU of both interfaces.
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct PsHeader {
    /// `li-psDomainId [0]`: the version of the LI-PS-PDU module, see [`crate::Profile::li_ps_domain_id`].
    #[rasn(tag(0))]
    pub li_ps_domain_id: ObjectIdentifier,
    /// `lawfulInterceptionIdentifier [1]`, 1 to 25 octets of `a-z A-Z 0-9 - _ .`
    #[rasn(tag(1))]
    pub lawful_interception_identifier: OctetString,
    /// `authorizationCountryCode [2]`, two characters.
    #[rasn(tag(2))]
    pub authorization_country_code: Option<PrintableString>,
    /// `communicationIdentifier [3]`
    #[rasn(tag(3))]
    pub communication_identifier: CommunicationIdentifier,
    /// `sequenceNumber [4]`: from 0 for each (LIID, CIN), IRI and CC apart.
    #[rasn(tag(4))]
    pub sequence_number: u32,
    /// `timeStamp [5]`
    #[rasn(tag(5))]
    pub time_stamp: Option<GeneralizedTime>,
    /// `interceptionPointID [6]`, 1 to 8 characters.
    #[rasn(tag(6))]
    pub interception_point_id: Option<PrintableString>,
    /// `microSecondTimeStamp [7]`
    #[rasn(tag(7))]
    pub micro_second_time_stamp: Option<MicroSecondTimeStamp>,
    /// `timeStampQualifier [8]`: which moment the time stamp tells.
    #[rasn(tag(8))]
    pub time_stamp_qualifier: Option<TimeStampQualifier>,
    /// Extension additions.
    pub additions: Additions,
}

/// `CommunicationIdentifier`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct CommunicationIdentifier {
    /// `networkIdentifier [0]`
    #[rasn(tag(0))]
    pub network_identifier: NetworkIdentifier,
    /// `communicationIdentityNumber [1]`, the CIN: one session of one target.
    #[rasn(tag(1))]
    pub communication_identity_number: Option<u32>,
    /// `deliveryCountryCode [2]`, two characters.
    #[rasn(tag(2))]
    pub delivery_country_code: Option<PrintableString>,
    /// Extension additions.
    pub additions: Additions,
}

/// `NetworkIdentifier`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct NetworkIdentifier {
    /// `operatorIdentifier [0]`, 1 to 16 octets.
    #[rasn(tag(0))]
    pub operator_identifier: OctetString,
    /// `networkElementIdentifier [1]`, 1 to 16 octets.
    #[rasn(tag(1))]
    pub network_element_identifier: Option<OctetString>,
    /// Extension additions.
    pub additions: Additions,
}

/// `MicroSecondTimeStamp`
#[derive(AsnType, Decode, Encode, Debug, Clone, PartialEq, Eq, Hash)]
pub struct MicroSecondTimeStamp {
    /// `seconds [0]` since 1970-01-01T00:00:00Z.
    #[rasn(tag(0))]
    pub seconds: u64,
    /// `microSeconds [1]`, 0 to 999999.
    #[rasn(tag(1))]
    pub micro_seconds: u32,
    /// Extension additions.
    pub additions: Additions,
}

enumerated! {
    /// `timeStampQualifier`
    TimeStampQualifier {
        Unknown = 0 "unknown",
        TimeOfInterception = 1 "timeOfInterception",
        TimeOfMediation = 2 "timeOfMediation",
        TimeOfAggregation = 3 "timeOfAggregation",
    }
}

opaque_debug!(PsPdu, PsHeader, CommunicationIdentifier, NetworkIdentifier);
