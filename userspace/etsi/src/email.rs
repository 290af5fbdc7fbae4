//! `EmailIRI` and `EmailCC` (TS 102 232-2 annex D, fields explained in clause 7).

use rasn::{AsnType, Decode, Decoder as _, Encode};

use crate::asn1::{Additions, OctetString, PrintableString, RelativeOid, Utf8String, enumerated, opaque_debug};
use crate::{AaaInformation, IpAddress};

/// `EmailIRI`: one piece of intercept related information about e-mail.
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct EmailIri {
    /// `emailIRIObjId [0]`, see [`crate::Profile::object_id`].
    #[rasn(tag(0))]
    pub email_iri_obj_id: RelativeOid,
    /// `eventType [1]`
    #[rasn(tag(1))]
    pub event_type: EmailEvent,
    /// `client-Address [2]`
    #[rasn(tag(2))]
    pub client_address: Option<IpAddress>,
    /// `server-Address [3]`
    #[rasn(tag(3))]
    pub server_address: Option<IpAddress>,
    /// `client-Port [4]`
    #[rasn(tag(4))]
    pub client_port: Option<u32>,
    /// `server-Port [5]`
    #[rasn(tag(5))]
    pub server_port: Option<u32>,
    /// `server-Octets-Sent [6]`
    #[rasn(tag(6))]
    pub server_octets_sent: u64,
    /// `client-Octets-Sent [7]`
    #[rasn(tag(7))]
    pub client_octets_sent: u64,
    /// `protocol-ID [8]`
    #[rasn(tag(8))]
    pub protocol_id: EmailProtocol,
    /// `e-mail-Sender [9]`, up to 255 characters.
    #[rasn(tag(9))]
    pub e_mail_sender: Option<Utf8String>,
    /// `e-mail-Recipients [10]`, up to 1023 of up to 255 characters each.
    #[rasn(tag(10))]
    pub e_mail_recipients: Option<Vec<Utf8String>>,
    /// `status [11]`
    #[rasn(tag(11))]
    pub status: EmailStatus,
    /// `total-Recipient-Count [12]`: all of them, those past the 1023rd too.
    #[rasn(tag(12))]
    pub total_recipient_count: Option<u32>,
    /// `message-ID [13]`
    #[rasn(tag(13))]
    pub message_id: Option<OctetString>,
    /// `nationalParameter [14]`
    #[rasn(tag(14))]
    pub national_parameter: Option<OctetString>,
    /// `national-EM-ASN1parameters [15]`
    #[rasn(tag(15))]
    pub national_em_asn1_parameters: Option<NationalEmAsn1Parameters>,
    /// `aAAInformation [16]`
    #[rasn(tag(16))]
    pub aaa_information: Option<AaaInformation>,
    /// `e-mail-Sender-Validity [17]`
    #[rasn(tag(17))]
    pub e_mail_sender_validity: Option<EmailSenderValidity>,
    /// Extension additions.
    pub additions: Additions,
}

enumerated! {
    /// `E-mail-Event`
    EmailEvent {
        Send = 1 "e-mail-send",
        Receive = 2 "e-mail-receive",
        Download = 3 "e-mail-download",
        LogonAttempt = 4 "e-mail-logon-attempt",
        Logon = 5 "e-mail-logon",
        LogonFailure = 6 "e-mail-logon-failure",
        Logoff = 7 "e-mail-logoff",
        PartialDownload = 8 "e-mail-partial-download",
        Upload = 9 "e-mail-upload",
    }
}

enumerated! {
    /// `E-mail-Protocol`. `webmail` in profile `current` alone.
    EmailProtocol { Smtp = 1 "smtp", Pop3 = 2 "pop3", Imap4 = 3 "imap4", Webmail = 4 "webmail", Undefined = 255 "undefined" }
}

enumerated! {
    /// `E-mail-Status`
    EmailStatus {
        StatusUnknown = 1 "status-unknown",
        OperationFailed = 2 "operation-failed",
        OperationSucceeded = 3 "operation-succeeded",
    }
}

enumerated! {
    /// `e-mail-Sender-Validity`: whether the operator vouches for the sender's address.
    EmailSenderValidity { Validated = 0 "validated", NonValidated = 1 "nonvalidated" }
}

/// `National-EM-ASN1parameters`: a country, and what that country defines.
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct NationalEmAsn1Parameters {
    /// `countryCode [1]`, two characters.
    #[rasn(tag(1))]
    pub country_code: PrintableString,
    /// Extension additions, which the country defines.
    pub additions: Additions,
}

/// `EmailCC`: a piece of the content of communication.
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct EmailCc {
    /// `emailCCObjId [0]`, see [`crate::Profile::object_id`].
    #[rasn(tag(0))]
    pub email_cc_obj_id: RelativeOid,
    /// `email-Format [1]`
    #[rasn(tag(1))]
    pub email_format: EmailFormat,
    /// `content [2]`
    #[rasn(tag(2))]
    pub content: OctetString,
}

enumerated! {
    /// `email-Format`: IP packets, or the octets of the application protocol.
    EmailFormat { IpPacket = 1 "ip-packet", Application = 2 "application" }
}

opaque_debug!(EmailIri, EmailCc, NationalEmAsn1Parameters);
