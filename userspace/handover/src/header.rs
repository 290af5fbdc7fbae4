//! `PSHeader`: what every PDU begins with (TS 102 232-1).

use writ_etsi::asn1::{Additions, OctetString, PrintableString};
use writ_etsi::{
    CommunicationIdentifier, MicroSecondTimeStamp, NetworkIdentifier, Profile, PsHeader, TimeStampQualifier,
};
use writ_wire::Time;

use crate::settings::{HandoverSettings, SettingsError};

/// What of the header is the same in every PDU to one LEMF.
pub(crate) struct HeaderTemplate {
    profile: Profile,
    network: NetworkIdentifier,
    delivery_country: Option<PrintableString>,
    interception_point: Option<PrintableString>,
}

/// What of the header differs from PDU to PDU.
pub(crate) struct HeaderFields<'a> {
    pub(crate) liid: &'a str,
    pub(crate) authorization_country: Option<PrintableString>,
    pub(crate) cin: Option<u32>,
    pub(crate) sequence_number: u32,
    pub(crate) time: Time,
    pub(crate) qualifier: TimeStampQualifier,
}

impl HeaderTemplate {
    pub(crate) fn new(settings: &HandoverSettings, profile: Profile) -> Result<Self, SettingsError> {
        settings.validate()?;
        let octets = |text: &str| OctetString::from(text.as_bytes().to_vec());
        Ok(Self {
            profile,
            network: NetworkIdentifier {
                operator_identifier: octets(&settings.operator_identifier),
                network_element_identifier: settings.network_element_identifier.as_deref().map(octets),
                additions: Additions::NONE,
            },
            // What is not printable did not pass the validation above.
            delivery_country: settings.delivery_country.as_deref().and_then(printable),
            interception_point: settings.interception_point.as_deref().and_then(printable),
        })
    }

    pub(crate) fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) fn header(&self, fields: HeaderFields<'_>) -> PsHeader {
        PsHeader {
            li_ps_domain_id: self.profile.li_ps_domain_id(),
            lawful_interception_identifier: OctetString::from(fields.liid.as_bytes().to_vec()),
            authorization_country_code: fields.authorization_country,
            communication_identifier: CommunicationIdentifier {
                network_identifier: self.network.clone(),
                communication_identity_number: fields.cin,
                delivery_country_code: self.delivery_country.clone(),
                additions: Additions::NONE,
            },
            sequence_number: fields.sequence_number,
            time_stamp: None,
            interception_point_id: self.interception_point.clone(),
            micro_second_time_stamp: Some(MicroSecondTimeStamp {
                seconds: fields.time.seconds(),
                micro_seconds: fields.time.subsec_micros(),
                additions: Additions::NONE,
            }),
            time_stamp_qualifier: Some(fields.qualifier),
            additions: Additions::NONE,
        }
    }
}

/// As a PrintableString, where every character is one of those.
pub(crate) fn printable(text: &str) -> Option<PrintableString> {
    PrintableString::try_from(text.to_owned()).ok()
}
