//! A file of PDUs read twice: by Writ's decoder, and by the BER reader of the oracle. Both into the same JSON, so that the two
//! can be held against each other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use writ_etsi::{
    AaaInformation, CcContents, EmailEvent, EmailFormat, EmailIri, EmailSenderValidity, EmailStatus, IriContents,
    IriType, Payload, PayloadDirection, PsPdu,
};

use crate::{Oracle, Replay};

/// As `tests/oracle/ber.py` reads it; TRI payloads left out.
pub fn by_ber_reader(oracle: Oracle, replay: &Replay) -> Vec<Value> {
    oracle
        .ask("ber.py", &[replay.etsi().to_str().expect("a path in UTF-8")])
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("ber.py writes JSON"))
        .filter(|record| record["kind"] != "tri")
        .map(|mut record| {
            let fields = record.as_object_mut().expect("a record is an object");
            for name in
                ["country", "operator", "element", "domain", "qualifier", "object_id", "protocol", "payload_time"]
            {
                fields.remove(name);
            }
            record
        })
        .collect()
}

/// As `writ_etsi` decodes it; TRI payloads left out.
pub fn by_writ(replay: &Replay) -> Vec<Value> {
    let octets = replay.octets();
    let mut rest = &octets[..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let length = writ_etsi::pdu_length(rest).expect("a PDU starts here").expect("a PDU is whole");
        let pdu = writ_etsi::decode(&rest[..length]).expect("a PDU decodes");
        assert!(
            writ_etsi::encode(&pdu).expect("it encodes") == rest[..length],
            "a PDU encodes to the octets that it came as"
        );
        records.extend(of_pdu(&pdu));
        rest = &rest[length..];
    }
    records
}

fn of_pdu(pdu: &PsPdu) -> Vec<Value> {
    let header = &pdu.ps_header;
    let stamp = header.micro_second_time_stamp.as_ref();
    let common = json!({
        "liid": String::from_utf8_lossy(&header.lawful_interception_identifier),
        "cin": header.communication_identifier.communication_identity_number,
        "sequence": header.sequence_number,
        "time": stamp.map(|stamp| stamp.seconds * 1_000_000 + u64::from(stamp.micro_seconds)),
    });
    let bodies: Vec<Value> = match &pdu.payload {
        Payload::IriPayloadSequence(payloads) => payloads
            .iter()
            .map(|payload| {
                let IriContents::EmailIri(iri) = &payload.iri_contents else { panic!("IRI that is no e-mail's") };
                let mut body = of_iri(iri);
                body["type"] = json!(payload.iri_type.map(|iri_type| match iri_type {
                    IriType::Begin => "begin",
                    IriType::End => "end",
                    IriType::Continue => "continue",
                    IriType::Report => "report",
                    _ => "unknown",
                }));
                body
            })
            .collect(),
        Payload::CcPayloadSequence(payloads) => payloads
            .iter()
            .map(|payload| {
                let CcContents::EmailCc(cc) = &payload.cc_contents else { panic!("CC that is no e-mail's") };
                json!({
                    "kind": "cc",
                    "direction": payload.payload_direction.map(|direction| match direction {
                        PayloadDirection::FromTarget => "from-target",
                        PayloadDirection::ToTarget => "to-target",
                        _ => "other",
                    }),
                    "format": match cc.email_format {
                        EmailFormat::IpPacket => "ip-packet",
                        EmailFormat::Application => "application",
                        _ => "unknown",
                    },
                    "content": STANDARD.encode(&cc.content),
                })
            })
            .collect(),
        _ => Vec::new(),
    };
    bodies
        .into_iter()
        .map(|mut body| {
            let fields = body.as_object_mut().expect("a record is an object");
            fields.extend(common.as_object().expect("so is this").clone());
            body
        })
        .collect()
}

fn of_iri(iri: &EmailIri) -> Value {
    json!({
        "kind": "iri",
        "event": match iri.event_type {
            EmailEvent::Send => "send",
            EmailEvent::Receive => "receive",
            EmailEvent::Download => "download",
            EmailEvent::PartialDownload => "partial-download",
            EmailEvent::Upload => "upload",
            EmailEvent::Logon => "logon",
            EmailEvent::LogonAttempt => "logon-attempt",
            EmailEvent::LogonFailure => "logon-failure",
            EmailEvent::Logoff => "logoff",
            _ => "other",
        },
        "client": iri.client_address.as_ref().and_then(|address| address.address()),
        "server": iri.server_address.as_ref().and_then(|address| address.address()),
        "client_port": iri.client_port,
        "server_port": iri.server_port,
        "client_octets": iri.client_octets_sent,
        "server_octets": iri.server_octets_sent,
        "sender": iri.e_mail_sender,
        "recipients": iri.e_mail_recipients.clone().unwrap_or_default(),
        "total": iri.total_recipient_count,
        "status": match iri.status {
            EmailStatus::StatusUnknown => "unknown",
            EmailStatus::OperationFailed => "failed",
            EmailStatus::OperationSucceeded => "succeeded",
            _ => "other",
        },
        "message_id": iri.message_id.as_ref().map(|identity| String::from_utf8_lossy(identity)),
        "aaa": iri.aaa_information.as_ref().map(of_aaa),
        "validity": iri.e_mail_sender_validity.map(|validity| match validity {
            EmailSenderValidity::Validated => "validated",
            EmailSenderValidity::NonValidated => "nonvalidated",
            _ => "other",
        }),
    })
}

fn of_aaa(aaa: &AaaInformation) -> Value {
    match aaa {
        AaaInformation::AsmtpAaaInformation(aaa) => {
            let text = |octets: &Option<writ_etsi::asn1::OctetString>| {
                octets.as_ref().map(|octets| octets.iter().map(|&octet| char::from(octet)).collect::<String>())
            };
            json!({
                "username": aaa.username,
                "method": match aaa.auth_method {
                    writ_etsi::AaaAuthMethod::Undefined => "undefined",
                    writ_etsi::AaaAuthMethod::CramMd5 => "cram-md5",
                    writ_etsi::AaaAuthMethod::DigestMd5 => "digest-md5",
                    _ => "other",
                },
                "result": aaa.aaa_result.map(result),
                "challenge": text(&aaa.challenge),
                "response": text(&aaa.response),
                "password": null,
            })
        }
        AaaInformation::Pop3AaaInformation(aaa) => of_mailbox(&aaa.username, aaa.password.as_deref(), aaa.aaa_result),
        AaaInformation::ImapAaaInformation(aaa) => of_mailbox(&aaa.username, aaa.password.as_deref(), aaa.aaa_result),
        _ => panic!("authentication of no protocol"),
    }
}

fn of_mailbox(username: &str, password: Option<&str>, outcome: Option<writ_etsi::AaaResult>) -> Value {
    json!({
        "username": username,
        "method": null,
        "result": outcome.map(result),
        "challenge": null,
        "response": null,
        // The BER reader shows it octet for octet.
        "password": password.map(|password| password.bytes().map(char::from).collect::<String>()),
    })
}

fn result(result: writ_etsi::AaaResult) -> &'static str {
    match result {
        writ_etsi::AaaResult::ResultUnknown => "unknown",
        writ_etsi::AaaResult::AaaFailed => "failed",
        writ_etsi::AaaResult::AaaSucceeded => "succeeded",
        _ => "other",
    }
}
