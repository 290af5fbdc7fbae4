//! `PSHeader`: what every PDU begins with (TS 102 232-1).

use hashbrown::HashMap;
use writ_etsi::asn1::{Additions, OctetString, PrintableString};
use writ_etsi::{
    CommunicationIdentifier, EncodeError, EncodedHeader, MicroSecondTimeStamp, NetworkIdentifier, Profile, PsHeader,
    TimeStampQualifier,
};
use writ_intercept::record::Mandate;
use writ_wire::Time;

use crate::sequence::Line;
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

/// The headers of what is intercepted: one for each LIID, encoded, in which the rest is patched.
pub(crate) struct EncodedHeaders {
    template: HeaderTemplate,
    /// By the number of the LIID: as many as there are warrants.
    of_liid: HashMap<u32, OfLiid>,
    /// Authorization countries that were left out: they are no PrintableString of two.
    pub(crate) countries_cut: u64,
}

struct OfLiid {
    country: String,
    is_cut: bool,
    encoded: EncodedHeader,
}

impl EncodedHeaders {
    pub(crate) fn new(template: HeaderTemplate) -> Self {
        Self { template, of_liid: HashMap::new(), countries_cut: 0 }
    }

    pub(crate) fn template(&self) -> &HeaderTemplate {
        &self.template
    }

    /// The header of a PDU of a communication, with the time of its interception.
    ///
    /// # Errors
    /// Where it has no encoding.
    pub(crate) fn of(
        &mut self,
        mandate: &Mandate,
        line: Line,
        sequence_number: u32,
        time: Time,
    ) -> Result<&EncodedHeader, EncodeError> {
        // A warrant that was changed may say another country under the same LIID.
        let is_it = |of: &OfLiid| of.country == mandate.authorization_country;
        if !self.of_liid.get(&line.liid).is_some_and(is_it) {
            let country = country(mandate);
            let is_cut = country.is_none();
            let header = self.template.header(HeaderFields {
                liid: &mandate.liid,
                authorization_country: country,
                cin: Some(line.cin),
                sequence_number,
                time,
                qualifier: TimeStampQualifier::TimeOfInterception,
            });
            let encoded = EncodedHeader::new(self.template.profile, header)?;
            let country = mandate.authorization_country.clone();
            self.of_liid.insert(line.liid, OfLiid { country, is_cut, encoded });
        }
        // It was put there if it was not there.
        let of = self.of_liid.get_mut(&line.liid).ok_or(EncodeError::Codec)?;
        self.countries_cut += u64::from(of.is_cut);
        of.encoded.set(line.cin, sequence_number, time.seconds(), time.subsec_micros())?;
        Ok(&of.encoded)
    }
}

/// `authorizationCountryCode`, where it is one.
pub(crate) fn country(mandate: &Mandate) -> Option<PrintableString> {
    printable(&mandate.authorization_country).filter(|_| mandate.authorization_country.len() == 2)
}

/// As a PrintableString, where every character is one of those.
pub(crate) fn printable(text: &str) -> Option<PrintableString> {
    PrintableString::try_from(text.to_owned()).ok()
}
