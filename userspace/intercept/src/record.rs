//! What leaves this room: records, each under one warrant, none yet encoded.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use writ_wire::Time;

use crate::messaging::{MessagingCc, MessagingIri};

/// What a record needs to know of the warrant that it is made under.
#[derive(PartialEq, Eq)]
pub struct Mandate {
    /// Lawful interception identifier: 1 to 25 octets of `a-z A-Z 0-9 - _ .`.
    pub liid: String,
    /// `authorizationCountryCode`: two letters.
    pub authorization_country: String,
    /// The LEMF that is served: an index into the table that the program made of the configuration.
    pub lemf: usize,
}

// The LIID is as secret as the product: it must not reach a log through a derived `Debug`.
impl fmt::Debug for Mandate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mandate").field("lemf", &self.lemf).finish_non_exhaustive()
    }
}

/// Communication identity number: one for each (session, warrant), never used again (TS 102 232-1, `communicationIdentityNumber`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cin(pub u32);

/// One thing to hand over under one warrant.
#[derive(Debug)]
pub struct Record {
    /// The warrant it is made under.
    pub mandate: Arc<Mandate>,
    /// The communication that it belongs to.
    pub cin: Cin,
    /// The time of interception: that of the packet which completed it.
    pub time: Time,
    /// What is handed over.
    pub body: Body,
}

/// Joins what among the records from `start` on is content of one packet in one direction; gives how many fewer there are. A
/// packet can hold hundreds of lines, each of which was decided on alone; as a PDU each, they would be many times the traffic.
///
/// Commands that crossed the wire together, and then their replies, are handed over so, and not one after the other. Nothing
/// moves past an event of its communication.
pub(crate) fn join_content(records: &mut Vec<Record>, start: usize) -> u64 {
    /// How far back a packet is looked for: at a time there is content of one packet each way for a few warrants.
    const LOOK_BACK: usize = 8;
    if records.len() < start + 2 {
        return 0;
    }
    let before = records.len();
    // What is joined with nothing is not copied.
    let mut joined: Vec<Option<BytesMut>> = Vec::new();
    for record in records.split_off(start) {
        let from = start.max(records.len().saturating_sub(LOOK_BACK));
        let place = record.goes_into(records.get(from..).unwrap_or_default()).map(|at| from + at);
        if let (Some(at), Body::Cc(next)) = (place, &record.body)
            && let (Some(first), Some(octets)) = (records.get(at), joined.get_mut(at - start))
        {
            let begun =
                || if let Body::Cc(cc) = &first.body { BytesMut::from(&*cc.content.0) } else { BytesMut::new() };
            octets.get_or_insert_with(begun).extend_from_slice(&next.content.0);
            continue;
        }
        joined.push(None);
        records.push(record);
    }
    for (record, octets) in records.iter_mut().skip(start).zip(joined) {
        if let (Body::Cc(cc), Some(octets)) = (&mut record.body, octets) {
            cc.content = Content(octets.freeze());
        }
    }
    (before - records.len()) as u64
}

impl Record {
    /// The place among `earlier` of content that this is more of: the last of its direction, if that is of the same packet and
    /// no event came since.
    fn goes_into(&self, earlier: &[Self]) -> Option<usize> {
        let Body::Cc(cc) = &self.body else { return None };
        for (at, record) in earlier.iter().enumerate().rev() {
            if record.cin != self.cin || !Arc::ptr_eq(&record.mandate, &self.mandate) {
                continue;
            }
            let Body::Cc(other) = &record.body else { return None };
            if other.direction == cc.direction {
                let formats = (cc.format, other.format);
                let is_more = record.time == self.time && formats == (CcFormat::Application, CcFormat::Application);
                return is_more.then_some(at);
            }
        }
        None
    }
}

/// What a record hands over.
#[derive(Debug)]
pub enum Body {
    /// Intercept-related information, for HI2.
    Iri(Box<Iri>),
    /// Content of communication, for HI3.
    Cc(Cc),
    /// Information about an event of unified messaging, for HI2.
    MessagingIri(Box<MessagingIri>),
    /// Content of such an event, for HI3.
    MessagingCc(Box<MessagingCc>),
    /// A message from the operator to the LEMF (`operatorLeaMessage`), as when octets of the target's session were lost.
    Notice(Notice),
    /// Nothing to send: the session is over, and no record with this CIN under this warrant follows.
    Closed,
}

/// `IRIType`, TS 102 232-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IriType {
    /// The first record of a communication.
    Begin,
    /// The last.
    End,
    /// One between them.
    Continue,
    /// One outside any such sequence.
    Report,
}

/// `E-mail-Event`, TS 102 232-2 annex D.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailEvent {
    /// `e-mail-send`
    Send,
    /// `e-mail-receive`
    Receive,
    /// `e-mail-download`
    Download,
    /// `e-mail-logon-attempt`
    LogonAttempt,
    /// `e-mail-logon`
    Logon,
    /// `e-mail-logon-failure`
    LogonFailure,
    /// `e-mail-logoff`
    Logoff,
    /// `e-mail-partial-download`
    PartialDownload,
    /// `e-mail-upload`
    Upload,
}

/// `E-mail-Protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `smtp`
    Smtp,
    /// `pop3`
    Pop3,
    /// `imap4`
    Imap4,
}

/// `E-mail-Status`, clause 7.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `status-unknown`
    Unknown,
    /// `operation-failed`
    Failed,
    /// `operation-succeeded`
    Succeeded,
}

/// `e-mail-Sender-Validity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderValidity {
    /// `validated`
    Validated,
    /// `nonvalidated`
    NonValidated,
}

/// `AAAResult`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AaaResult {
    /// `resultUnknown`
    Unknown,
    /// `aAAFailed`
    Failed,
    /// `aAASucceeded`
    Succeeded,
}

/// `authMethod` of `ASMTPAAAInformation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// `undefinedAuthMethod`
    Undefined,
    /// `cramMD5`
    CramMd5,
    /// `digestMD5`
    DigestMd5,
}

/// `AAAInformation`, as far as the warrant lets it go.
#[derive(Clone, PartialEq, Eq)]
pub struct Aaa {
    /// The name that logged in, as far as 64 characters hold it.
    pub username: String,
    /// POP3 and IMAP4 only, and only under a warrant whose `authentication_data` is `full`.
    pub password: Option<String>,
    /// SMTP only.
    pub method: AuthMethod,
    /// SMTP only: base64 as sent; only under `full`.
    pub challenge: Option<Vec<u8>>,
    /// SMTP only: base64 as sent; only under `full`.
    pub response: Option<Vec<u8>>,
    /// What the server said of it.
    pub result: AaaResult,
}

impl fmt::Debug for Aaa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aaa").field("result", &self.result).finish_non_exhaustive()
    }
}

/// What an `EmailIRI` says, TS 102 232-2 annex D.
#[derive(Clone, PartialEq, Eq)]
pub struct Iri {
    /// `iRIType`.
    pub record_type: IriType,
    /// `eventType`.
    pub event: MailEvent,
    /// `protocol-ID`.
    pub protocol: Protocol,
    /// `client-Address` and `client-Port`.
    pub client: SocketAddr,
    /// `server-Address` and `server-Port`.
    pub server: SocketAddr,
    /// `client-Octets-Sent`: octets of the operation, clause 7.9.
    pub client_octets: u64,
    /// `server-Octets-Sent`.
    pub server_octets: u64,
    /// `e-mail-Sender`; an empty one is the null reverse-path.
    pub sender: Option<String>,
    /// `e-mail-Recipients`: up to 1023 of them.
    pub recipients: Vec<String>,
    /// `total-Recipient-Count`: of all, even those past what `recipients` holds.
    pub total_recipients: Option<u32>,
    /// `status`.
    pub status: Status,
    /// `message-ID`.
    pub message_id: Option<Vec<u8>>,
    /// `aAAInformation`.
    pub aaa: Option<Aaa>,
    /// `e-mail-Sender-Validity`.
    pub sender_validity: Option<SenderValidity>,
}

impl fmt::Debug for Iri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iri")
            .field("record_type", &self.record_type)
            .field("event", &self.event)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

/// `payloadDirection`: which way content went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `fromTarget`
    FromTarget,
    /// `toTarget`
    ToTarget,
}

/// `email-Format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CcFormat {
    /// `ip-packet`: one whole IP packet.
    IpPacket,
    /// `application`: octets of the mail protocol.
    Application,
}

/// Content of communication.
#[derive(Debug)]
pub struct Cc {
    /// Which way it went.
    pub direction: Direction,
    /// What it is.
    pub format: CcFormat,
    /// The octets.
    pub content: Content,
}

/// Octets of content. Only a [`ContentGrant`] makes one, and only an `iri+cc` warrant yields a grant: a record under an
/// `iri` warrant has nothing to put here.
pub struct Content(Bytes);

impl Content {
    /// The octets, to be encoded and handed over.
    pub fn octets(&self) -> &Bytes {
        &self.0
    }
}

// Content must not reach a log.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} octets)", self.0.len())
    }
}

/// The right to hand over content, which the warrant gives or does not.
#[derive(Clone, Copy, Debug)]
pub struct ContentGrant(());

impl ContentGrant {
    /// The only way to a grant: the words of the warrant.
    pub(crate) fn of(deliver: Deliver) -> Option<Self> {
        match deliver {
            Deliver::Iri => None,
            Deliver::IriAndCc => Some(Self(())),
        }
    }

    /// Takes octets as content to be handed over.
    pub fn content(self, octets: Bytes) -> Content {
        Content(octets)
    }
}

/// What a warrant lets go: `deliver` in its TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// `iri`: intercept-related information alone.
    Iri,
    /// `iri+cc`: content too.
    IriAndCc,
}

/// What the LEMF is told about the interception itself. No octet of content, no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// This many octets of the target's session, one direction, were not captured.
    OctetsMissed {
        /// How many.
        octets: u64,
        /// Sent by the client (else by the server).
        from_client: bool,
    },
    /// This many octets of content were captured and could not be held until it was known that they are covered.
    OctetsNotHeld {
        /// How many.
        octets: u64,
    },
    /// The session could not be followed to its end: its entry was needed for others, or it cannot be read.
    SessionDropped,
}
