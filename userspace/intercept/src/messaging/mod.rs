//! What a record of unified messaging says (TS 102 232-2 clause 8), and who is a target there.

pub(crate) mod index;
mod number;
mod words;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use writ_wire::Time;

pub use number::Number;
pub use words::{
    BoxEvent, CallEvent, CopyQualifier, GreetingType, MessageEvent, MessageStatus, NotificationEvent, NotificationType,
    PayloadDirection, Priority, Qualifier, RequestedReports, Status, Trigger, Validity,
};

use crate::record::{Content, IriType};
use crate::warrant::AuthenticationData;

/// `Messaging-Event-Category`: what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// `message`
    Message(MessageEvent),
    /// `message-box`
    Box(BoxEvent),
    /// `message-notification`
    Notification(NotificationEvent),
    /// `call`
    Call(CallEvent),
}

impl Category {
    /// Whether the event triggers the delivery of its content: table 5 of clause 8.1, and nothing else.
    pub fn triggers_content(self) -> bool {
        use BoxEvent as Box;
        use MessageEvent as Message;
        use NotificationEvent as Notification;
        match self {
            Self::Message(event) => {
                matches!(event, Message::Deposit | Message::Retrieve | Message::Delete | Message::Save)
            }
            Self::Box(event) => matches!(
                event,
                Box::GreetingRecord
                    | Box::GreetingChange
                    | Box::GreetingDelete
                    | Box::GreetingEnable
                    | Box::GreetingDisable
                    | Box::GreetingPlay
            ),
            Self::Notification(event) => matches!(
                event,
                Notification::Sms
                    | Notification::SmsDeposit
                    | Notification::SmsSlamdown
                    | Notification::SmsPinReminder
                    | Notification::Email
                    | Notification::FaxToEmail
            ),
            Self::Call(CallEvent::Callout) => false,
        }
    }
}

/// `Messaging-Party-Identity`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// `msisdn`
    Msisdn(Number),
    /// `e164-format`
    E164(Number),
    /// `email-address`
    EmailAddress(Vec<String>),
    /// `ip-address`
    IpAddress(IpAddr),
    /// `alphanumeric`
    Alphanumeric(String),
    /// `ip-address-and-port`
    IpAddressAndPort(SocketAddr),
    /// `imsi`: 6 to 15 digits.
    Imsi(String),
    /// `imei`: 14 to 16 digits.
    Imei(String),
    /// `fax-url`
    FaxUrl(String),
    /// `tel-url`
    TelUrl(String),
    /// `modem-url`
    ModemUrl(String),
    /// `sip-uri`
    SipUri(String),
    /// `sips-uri`
    SipsUri(String),
    /// `nai`
    Nai(String),
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// `Messaging-Party-Information`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// `party-qualifier`
    pub qualifier: Qualifier,
    /// `party-identity`
    pub identity: Identity,
    /// `party-validity`
    pub validity: Option<Validity>,
    /// `copy-qualifier`
    pub copy: Option<CopyQualifier>,
}

/// `Messaging-Property`. What a property holds of content is a `C`, and of credentials an `S`: in a record [`Content`] and
/// [`Secret`], which only a warrant that gives them yields.
#[derive(Clone, PartialEq, Eq)]
pub enum Property<C, S> {
    /// `pincode`: 1 to 32 octets.
    Pincode(S),
    /// `priority`
    Priority(Priority),
    /// `greeting-type`
    GreetingType(GreetingType),
    /// `notification-type`
    NotificationType(NotificationType),
    /// `language`
    Language(String),
    /// `message-identifier`
    MessageIdentifier(String),
    /// `subject`: UTF-8. It is content.
    Subject(C),
    /// `user-agent`
    UserAgent(String),
    /// `password`
    Password(S),
    /// `message-status`
    MessageStatus(MessageStatus),
    /// `requested-reports`
    RequestedReports(RequestedReports),
    /// `expires`
    Expires(Time),
    /// `message-date`
    MessageDate(Time),
}

impl<C, S> fmt::Debug for Property<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Property(..)")
    }
}

/// A PIN or a password. Only a [`SecretGrant`] makes one, and only a warrant whose `authentication_data` is `full` yields a grant.
pub struct Secret(String);

impl Secret {
    /// It, to be encoded and handed over.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The right to hand over credentials, which the warrant gives or does not.
#[derive(Clone, Copy, Debug)]
pub struct SecretGrant(());

impl SecretGrant {
    pub(crate) fn of(authentication_data: AuthenticationData) -> Option<Self> {
        (authentication_data == AuthenticationData::Full).then_some(Self(()))
    }

    /// Takes text as a credential to be handed over.
    pub fn secret(self, text: String) -> Secret {
        Secret(text)
    }
}

/// What a `MessagingIRI` says.
pub struct MessagingIri {
    /// `iRIType`.
    pub record_type: IriType,
    /// `system-identifier`
    pub system: String,
    /// `category`; none of an event that none of them describes.
    pub category: Option<Category>,
    /// `status`
    pub status: Status,
    /// `party-information`
    pub parties: Vec<Party>,
    /// `trigger`
    pub trigger: Trigger,
    /// `properties`, as far as the warrant lets them go.
    pub properties: Vec<Property<Content, Secret>>,
    /// `event-identifier`: one event of its CIN.
    pub event_identifier: u32,
    /// `original-message`: may hold anything, so it is content.
    pub original_message: Option<Content>,
    /// `box-identifier`
    pub box_identifier: Option<String>,
    /// `total-recipient-count`
    pub total_recipients: Option<u32>,
}

// Parties and boxes are identities.
impl fmt::Debug for MessagingIri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessagingIri")
            .field("record_type", &self.record_type)
            .field("category", &self.category)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What a `MessagingCC` says: a content of an event, or a piece of one.
#[derive(Debug)]
pub struct MessagingCc {
    /// `payloadDirection`
    pub direction: PayloadDirection,
    /// `event-identifier`: that of the IRI, within one CIN.
    pub event_identifier: u32,
    /// `content-identifier`: one content of the event.
    pub content_identifier: Option<u32>,
    /// `sequence-number`, from 0: one piece of the content.
    pub sequence_number: Option<u32>,
    /// `end-of-sequence`
    pub end_of_sequence: bool,
    /// `content-type`: a MIME type.
    pub content_type: String,
    /// `content-transfer-encoding`
    pub transfer_encoding: Option<String>,
    /// `content`
    pub content: Content,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clause 8.1, table 5, row by row.
    #[test]
    fn content_is_delivered_for_exactly_the_events_of_table_5() {
        let table = [
            ("message", "deposit"),
            ("message", "retrieve"),
            ("message", "delete"),
            ("message", "save"),
            ("message-box", "greeting-record"),
            ("message-box", "greeting-change"),
            ("message-box", "greeting-delete"),
            ("message-box", "greeting-enable"),
            ("message-box", "greeting-disable"),
            ("message-box", "greeting-play"),
            ("message-notification", "sms"),
            ("message-notification", "sms-deposit"),
            ("message-notification", "sms-slamdown"),
            ("message-notification", "sms-pin-reminder"),
            ("message-notification", "email"),
            ("message-notification", "fax-to-email"),
        ];
        let all = [
            MessageEvent::ALL
                .iter()
                .map(|event| ("message", event.name(), Category::Message(*event)))
                .collect::<Vec<_>>(),
            BoxEvent::ALL.iter().map(|event| ("message-box", event.name(), Category::Box(*event))).collect(),
            NotificationEvent::ALL
                .iter()
                .map(|event| ("message-notification", event.name(), Category::Notification(*event)))
                .collect(),
            CallEvent::ALL.iter().map(|event| ("call", event.name(), Category::Call(*event))).collect(),
        ]
        .concat();
        assert_eq!(all.len(), 7 + 32 + 8 + 1);
        let found: Vec<_> = all
            .into_iter()
            .filter(|(.., category)| category.triggers_content())
            .map(|(kind, name, _)| (kind, name))
            .collect();
        assert_eq!(found, table);
    }

    #[test]
    fn credentials_go_only_where_the_warrant_says_full() {
        assert!(SecretGrant::of(AuthenticationData::None).is_none());
        assert!(SecretGrant::of(AuthenticationData::Username).is_none());
        let grant = SecretGrant::of(AuthenticationData::Full).unwrap();
        assert_eq!(format!("{:?}", grant.secret("4711".to_owned())), "Secret(..)");
    }
}
