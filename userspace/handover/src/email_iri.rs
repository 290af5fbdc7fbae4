//! From an `Iri` to `EmailIRI`, field by field (TS 102 232-2 annex D and clause 7).

use std::net::SocketAddr;

use writ_etsi::asn1::{Additions, OctetString, Utf8String};
use writ_etsi::{
    AaaAuthMethod, AaaInformation, AsmtpAaaInformation, EmailEvent, EmailIri, EmailProtocol, EmailSenderValidity,
    EmailStatus, ImapAaaInformation, IpAddress, IriType, NationalEmAsn1Parameters, ObjectIdOf, Pop3AaaInformation,
    Profile,
};
use writ_intercept::record::{self, Aaa, Iri, MailEvent, Protocol, SenderValidity, Status};

/// Characters of `e-mail-Sender` and of one of `e-mail-Recipients`: UTF8String (SIZE (0..255)).
const ADDRESS: usize = 255;
/// Of `e-mail-Recipients`: SEQUENCE (SIZE (0..1023)).
const RECIPIENTS: usize = 1023;
/// Characters of a `username` or `password`: UTF8String (SIZE (0..64)).
const CREDENTIAL: usize = 64;

/// Maps to the types of one profile. Text that its field cannot hold is cut at a character, and counted: the rest of
/// the record is worth more to the LEMF than none of it.
pub(crate) struct EmailIriMapping {
    profile: Profile,
    /// `nationalParameter` of every record.
    pub(crate) national_parameter: Option<OctetString>,
    /// `national-EM-ASN1parameters` of every record.
    pub(crate) national: Option<NationalEmAsn1Parameters>,
    /// Fields cut since the start.
    pub(crate) fields_cut: u64,
}

impl EmailIriMapping {
    pub(crate) fn new(profile: Profile) -> Self {
        Self { profile, national_parameter: None, national: None, fields_cut: 0 }
    }

    pub(crate) fn map(&mut self, iri: &Iri) -> EmailIri {
        EmailIri {
            email_iri_obj_id: self.profile.object_id(ObjectIdOf::EmailIri),
            event_type: event(iri.event),
            client_address: Some(address(iri.client)),
            server_address: Some(address(iri.server)),
            client_port: Some(iri.client.port().into()),
            server_port: Some(iri.server.port().into()),
            server_octets_sent: iri.server_octets,
            client_octets_sent: iri.client_octets,
            protocol_id: protocol(iri.protocol),
            e_mail_sender: iri.sender.as_deref().map(|sender| self.cut(sender, ADDRESS)),
            e_mail_recipients: self.recipients(iri),
            status: status(iri.status),
            total_recipient_count: iri.total_recipients,
            message_id: iri.message_id.clone().map(OctetString::from),
            national_parameter: self.national_parameter.clone(),
            national_em_asn1_parameters: self.national.clone(),
            aaa_information: iri.aaa.as_ref().map(|aaa| self.aaa(iri.protocol, aaa)),
            e_mail_sender_validity: iri.sender_validity.map(|validity| match validity {
                SenderValidity::Validated => EmailSenderValidity::Validated,
                SenderValidity::NonValidated => EmailSenderValidity::NonValidated,
            }),
            additions: Additions::NONE,
        }
    }

    /// The first 1023; `total-Recipient-Count` says how many there were.
    fn recipients(&mut self, iri: &Iri) -> Option<Vec<Utf8String>> {
        if iri.recipients.is_empty() {
            return None;
        }
        if iri.recipients.len() > RECIPIENTS {
            self.fields_cut += 1;
        }
        Some(iri.recipients.iter().take(RECIPIENTS).map(|recipient| self.cut(recipient, ADDRESS)).collect())
    }

    fn aaa(&mut self, protocol: Protocol, aaa: &Aaa) -> AaaInformation {
        let username = self.cut(&aaa.username, CREDENTIAL);
        let password = aaa.password.as_deref().map(|password| self.cut(password, CREDENTIAL));
        let aaa_result = Some(result(aaa.result));
        let octets = |octets: &Option<Vec<u8>>| octets.clone().map(OctetString::from);
        match protocol {
            Protocol::Smtp => AaaInformation::AsmtpAaaInformation(AsmtpAaaInformation {
                username,
                auth_method: method(aaa.method),
                challenge: octets(&aaa.challenge),
                response: octets(&aaa.response),
                aaa_result,
                additions: Additions::NONE,
            }),
            Protocol::Pop3 => AaaInformation::Pop3AaaInformation(Pop3AaaInformation {
                username,
                password,
                aaa_result,
                additions: Additions::NONE,
            }),
            Protocol::Imap4 => AaaInformation::ImapAaaInformation(ImapAaaInformation {
                username,
                password,
                aaa_result,
                additions: Additions::NONE,
            }),
        }
    }

    fn cut(&mut self, text: &str, characters: usize) -> Utf8String {
        // Nothing of so few octets has more characters, so most text is never counted.
        if text.len() <= characters {
            return text.to_owned();
        }
        match text.char_indices().nth(characters).and_then(|(end, _)| text.get(..end)) {
            Some(head) => {
                self.fields_cut += 1;
                head.to_owned()
            }
            None => text.to_owned(),
        }
    }
}

/// `iRIType`.
pub(crate) fn iri_type(record_type: record::IriType) -> IriType {
    match record_type {
        record::IriType::Begin => IriType::Begin,
        record::IriType::End => IriType::End,
        record::IriType::Continue => IriType::Continue,
        record::IriType::Report => IriType::Report,
    }
}

/// An IPv4 address that a socket API wrote as IPv6 goes as what it was on the wire.
fn address(address: SocketAddr) -> IpAddress {
    IpAddress::host(address.ip().to_canonical(), None)
}

fn event(event: MailEvent) -> EmailEvent {
    match event {
        MailEvent::Send => EmailEvent::Send,
        MailEvent::Receive => EmailEvent::Receive,
        MailEvent::Download => EmailEvent::Download,
        MailEvent::LogonAttempt => EmailEvent::LogonAttempt,
        MailEvent::Logon => EmailEvent::Logon,
        MailEvent::LogonFailure => EmailEvent::LogonFailure,
        MailEvent::Logoff => EmailEvent::Logoff,
        MailEvent::PartialDownload => EmailEvent::PartialDownload,
        MailEvent::Upload => EmailEvent::Upload,
    }
}

fn protocol(protocol: Protocol) -> EmailProtocol {
    match protocol {
        Protocol::Smtp => EmailProtocol::Smtp,
        Protocol::Pop3 => EmailProtocol::Pop3,
        Protocol::Imap4 => EmailProtocol::Imap4,
    }
}

fn status(status: Status) -> EmailStatus {
    match status {
        Status::Unknown => EmailStatus::StatusUnknown,
        Status::Failed => EmailStatus::OperationFailed,
        Status::Succeeded => EmailStatus::OperationSucceeded,
    }
}

fn method(method: record::AuthMethod) -> AaaAuthMethod {
    match method {
        record::AuthMethod::Undefined => AaaAuthMethod::Undefined,
        record::AuthMethod::CramMd5 => AaaAuthMethod::CramMd5,
        record::AuthMethod::DigestMd5 => AaaAuthMethod::DigestMd5,
    }
}

fn result(result: record::AaaResult) -> writ_etsi::AaaResult {
    match result {
        record::AaaResult::Unknown => writ_etsi::AaaResult::ResultUnknown,
        record::AaaResult::Failed => writ_etsi::AaaResult::AaaFailed,
        record::AaaResult::Succeeded => writ_etsi::AaaResult::AaaSucceeded,
    }
}
