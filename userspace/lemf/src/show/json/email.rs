//! `EmailIRI` and `EmailCC` as JSON.

use serde_json::Value;
use writ_etsi::{AaaInformation, AaaResult, EmailCc, EmailIri};

use super::fields::{Fields, alternative, named, printable, raw, relative_oid, string};
use super::ip_address;

pub(super) fn iri(iri: &EmailIri) -> Value {
    Fields::new()
        .add("emailIRIObjId", relative_oid(&iri.email_iri_obj_id))
        .add("eventType", named!(iri.event_type))
        .add_optional("client-Address", iri.client_address.as_ref(), ip_address)
        .add_optional("server-Address", iri.server_address.as_ref(), ip_address)
        .add_optional("client-Port", iri.client_port, Value::from)
        .add_optional("server-Port", iri.server_port, Value::from)
        .add("server-Octets-Sent", iri.server_octets_sent)
        .add("client-Octets-Sent", iri.client_octets_sent)
        .add("protocol-ID", named!(iri.protocol_id))
        .add_optional("e-mail-Sender", iri.e_mail_sender.as_deref(), Value::from)
        .add_optional("e-mail-Recipients", iri.e_mail_recipients.as_deref(), Value::from)
        .add("status", named!(iri.status))
        .add_optional("total-Recipient-Count", iri.total_recipient_count, Value::from)
        .add_optional("message-ID", iri.message_id.as_ref(), string)
        .add_optional("nationalParameter", iri.national_parameter.as_ref(), string)
        .add_optional("national-EM-ASN1parameters", iri.national_em_asn1_parameters.as_ref(), |national| {
            Fields::new().add("countryCode", printable(&national.country_code)).additions(&national.additions)
        })
        .add_optional("aAAInformation", iri.aaa_information.as_ref(), authentication)
        .add_optional("e-mail-Sender-Validity", iri.e_mail_sender_validity, |validity| named!(validity))
        .additions(&iri.additions)
}

pub(super) fn cc(cc: &EmailCc) -> Value {
    Fields::new()
        .add("emailCCObjId", relative_oid(&cc.email_cc_obj_id))
        .add("email-Format", named!(cc.email_format))
        .add("content", string(&cc.content))
        .done()
}

fn authentication(aaa: &AaaInformation) -> Value {
    let value = match aaa {
        AaaInformation::Pop3AaaInformation(pop3) => {
            clear_text(&pop3.username, pop3.password.as_deref(), pop3.aaa_result).additions(&pop3.additions)
        }
        AaaInformation::ImapAaaInformation(imap) => {
            clear_text(&imap.username, imap.password.as_deref(), imap.aaa_result).additions(&imap.additions)
        }
        AaaInformation::AsmtpAaaInformation(smtp) => Fields::new()
            .add("username", smtp.username.as_str())
            .add("authMethod", named!(smtp.auth_method))
            .add_optional("challenge", smtp.challenge.as_ref(), string)
            .add_optional("response", smtp.response.as_ref(), string)
            .add_optional("aAAResult", smtp.aaa_result, |result| named!(result))
            .additions(&smtp.additions),
        AaaInformation::Unrecognised(value) => raw(value),
    };
    alternative(aaa.name(), value)
}

/// The three fields that POP3 and IMAP4 share.
fn clear_text(username: &str, password: Option<&str>, result: Option<AaaResult>) -> Fields {
    Fields::new().add("username", username).add_optional("password", password, Value::from).add_optional(
        "aAAResult",
        result,
        |result| named!(result),
    )
}
