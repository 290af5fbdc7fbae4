//! `MessagingIRI` and `MessagingCC`: unified messaging (TS 102 232-2 annex D, clause 6.5).

use rasn::{AsnType, Decode, Decoder as _, Encode, Encoder as _};

use crate::IpAddress;
use crate::asn1::{Additions, GeneralizedTime, OctetString, RelativeOid, Utf8String, choice, enumerated, opaque_debug};

/// `MessagingCC`: a piece of the content of a message.
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct MessagingCc {
    /// `messaging-cc-obj-id [0]`, see [`crate::Profile::object_id`].
    #[rasn(tag(0))]
    pub messaging_cc_obj_id: RelativeOid,
    /// `event-identifier [1]`: that of the IRI, within one CIN.
    #[rasn(tag(1))]
    pub event_identifier: u32,
    /// `content-identifier [2]`
    #[rasn(tag(2))]
    pub content_identifier: Option<u32>,
    /// `sequence-number [3]`, from 0.
    #[rasn(tag(3))]
    pub sequence_number: Option<u32>,
    /// `end-of-sequence [4]`, left out when false.
    #[rasn(tag(4), default)]
    pub end_of_sequence: bool,
    /// `content-type [5]`: a MIME type.
    #[rasn(tag(5))]
    pub content_type: OctetString,
    /// `content [6]`
    #[rasn(tag(6))]
    pub content: OctetString,
    /// `content-transfer-encoding [7]`, profile `current` alone.
    #[rasn(tag(7))]
    pub content_transfer_encoding: Option<OctetString>,
    /// Extension additions.
    pub additions: Additions,
}

/// `MessagingIRI`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct MessagingIri {
    /// `messaging-iri-obj-id [0]`, see [`crate::Profile::object_id`].
    #[rasn(tag(0))]
    pub messaging_iri_obj_id: RelativeOid,
    /// `system-type [1]`
    #[rasn(tag(1))]
    pub system_type: MessagingSystemType,
    /// `system-identifier [2]`
    #[rasn(tag(2))]
    pub system_identifier: Option<OctetString>,
    /// `category [3]`
    #[rasn(tag(3))]
    pub category: Option<MessagingEventCategory>,
    /// `status [4]`
    #[rasn(tag(4))]
    pub status: MessagingStatus,
    /// `party-information [5]`: a SET OF, kept in the order it came.
    #[rasn(tag(5))]
    pub party_information: Option<Vec<MessagingPartyInformation>>,
    /// `trigger [6]`
    #[rasn(tag(6))]
    pub trigger: MessagingTrigger,
    /// `properties [7]`
    #[rasn(tag(7))]
    pub properties: Option<Vec<MessagingProperty>>,
    /// `event-identifier [8]`: always there when CC is sent as well.
    #[rasn(tag(8))]
    pub event_identifier: Option<u32>,
    /// `original-message [9]`
    #[rasn(tag(9))]
    pub original_message: Option<OctetString>,
    /// `box-identifier [10]`
    #[rasn(tag(10))]
    pub box_identifier: Option<OctetString>,
    /// `total-recipient-count [11]`, profile `current` alone.
    #[rasn(tag(11))]
    pub total_recipient_count: Option<u32>,
    /// Extension additions.
    pub additions: Additions,
}

enumerated! {
    /// `Messaging-System-Type`
    MessagingSystemType { UnifiedMessaging = 1 "unified-messaging" }
}

choice! {
    /// `Messaging-Event-Category`
    MessagingEventCategory {
        Message(MessagingEvent) = 0 "message",
        MessageBox(MessagingBoxEvent) = 1 "message-box",
        MessageNotification(MessagingNotificationEvent) = 2 "message-notification",
        Call(MessagingCallEvent) = 3 "call",
    }
}

enumerated! {
    /// `Messaging-Event`. `calendar` and `contact` in profile `current` alone.
    MessagingEvent {
        Deposit = 1 "deposit",
        Retrieve = 2 "retrieve",
        Delete = 3 "delete",
        Save = 4 "save",
        Slamdown = 5 "slamdown",
        Calendar = 6 "calendar",
        Contact = 7 "contact",
    }
}

enumerated! {
    /// `Messaging-Box-Event`. `unknown` and from `personal-operator-add` on, profile `current` alone.
    MessagingBoxEvent {
        Unknown = 0 "unknown",
        Login = 1 "login",
        Logout = 2 "logout",
        Lock = 3 "lock",
        Unlock = 4 "unlock",
        Activate = 5 "activate",
        Deactivate = 6 "deactivate",
        Delete = 7 "delete",
        PinChange = 8 "pin-change",
        GreetingRecord = 9 "greeting-record",
        GreetingChange = 10 "greeting-change",
        GreetingDelete = 11 "greeting-delete",
        GreetingEnable = 12 "greeting-enable",
        GreetingDisable = 13 "greeting-disable",
        NotificationEnable = 14 "notification-enable",
        NotificationDisable = 15 "notification-disable",
        Disconnect = 16 "disconnect",
        Connect = 17 "connect",
        GreetingPlay = 18 "greeting-play",
        LanguageChange = 19 "language-change",
        PinSecurityEnable = 20 "pin-security-enable",
        PinSecurityDisable = 21 "pin-security-disable",
        PersonalOperatorAdd = 22 "personal-operator-add",
        PersonalOperatorChange = 23 "personal-operator-change",
        PersonalOperatorRemove = 24 "personal-operator-remove",
        AdditionalDestinationAdd = 25 "additional-destination-add",
        AdditionalDestinationChange = 26 "additional-destination-change",
        AdditionalDestinationRemove = 27 "additional-destination-remove",
        AutoPlayEnable = 28 "auto-play-enable",
        AutoPlayDisable = 29 "auto-play-disable",
        HeaderPlayEnable = 30 "header-play-enable",
        HeaderPlayDisable = 31 "header-play-disable",
    }
}

enumerated! {
    /// `Messaging-Notification-Event`. `mms` and `generic` in profile `current` alone.
    MessagingNotificationEvent {
        Sms = 1 "sms",
        SmsDeposit = 2 "sms-deposit",
        SmsSlamdown = 3 "sms-slamdown",
        SmsPinReminder = 4 "sms-pin-reminder",
        Email = 5 "email",
        FaxToEmail = 6 "fax-to-email",
        Mms = 7 "mms",
        Generic = 8 "generic",
    }
}

enumerated! {
    /// `Messaging-Call-Event`
    MessagingCallEvent { Callout = 1 "callout" }
}

enumerated! {
    /// `Messaging-Status`. `operation-lost` in profile `current` alone.
    MessagingStatus {
        Unknown = 0 "unknown",
        NotApplicable = 1 "not-applicable",
        OperationFailed = 2 "operation-failed",
        OperationSucceeded = 3 "operation-succeeded",
        OperationCancelled = 4 "operation-cancelled",
        OperationStarted = 5 "operation-started",
        OperationLost = 6 "operation-lost",
    }
}

/// `Messaging-Party-Information`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct MessagingPartyInformation {
    /// `party-qualifier [0]`
    #[rasn(tag(0))]
    pub party_qualifier: MessagingPartyQualifier,
    /// `party-identity [1]`
    #[rasn(tag(1))]
    pub party_identity: MessagingPartyIdentity,
    /// `party-validity [2]`, profile `current` alone.
    #[rasn(tag(2))]
    pub party_validity: Option<MessagingPartyValidity>,
    /// `copy-qualifier [3]`, profile `current` alone.
    #[rasn(tag(3))]
    pub copy_qualifier: Option<MessagingCopyQualifier>,
    /// Extension additions.
    pub additions: Additions,
}

enumerated! {
    /// `Messaging-Party-Qualifier`
    MessagingPartyQualifier {
        Unknown = 0 "unknown-party",
        Originating = 1 "originating-party",
        Terminating = 2 "terminating-party",
        Associated = 3 "associated-party",
    }
}

enumerated! {
    /// `party-validity`
    MessagingPartyValidity { Unknown = 0 "unknown", Trusted = 1 "trusted", Untrusted = 2 "untrusted" }
}

enumerated! {
    /// `copy-qualifier`
    MessagingCopyQualifier { Unknown = 0 "unknown", None = 1 "none", Cc = 2 "cc", Bcc = 3 "bcc" }
}

choice! {
    /// `Messaging-Party-Identity`. From `ip-address-and-port` on, profile `current` alone.
    MessagingPartyIdentity {
        Msisdn(OctetString) = 0 "msisdn",
        E164Format(OctetString) = 1 "e164-format",
        EmailAddress(Vec<Utf8String>) = 2 "email-address",
        IpAddress(IpAddress) = 3 "ip-address",
        Alphanumeric(Utf8String) = 4 "alphanumeric",
        IpAddressAndPort(IpAddressAndPort) = 5 "ip-address-and-port",
        Imsi(OctetString) = 6 "imsi",
        Imei(OctetString) = 7 "imei",
        FaxUrl(OctetString) = 8 "fax-url",
        TelUrl(OctetString) = 9 "tel-url",
        ModemUrl(OctetString) = 10 "modem-url",
        SipUri(OctetString) = 11 "sip-uri",
        SipsUri(OctetString) = 12 "sips-uri",
        Nai(OctetString) = 13 "nai",
    }
}

/// The content of `ip-address-and-port`.
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct IpAddressAndPort {
    /// `IPAddress [0]`
    #[rasn(tag(0))]
    pub ip_address: IpAddress,
    /// `port [1]`
    #[rasn(tag(1))]
    pub port: u32,
}

enumerated! {
    /// `Messaging-Trigger`
    MessagingTrigger {
        Unknown = 0 "unknown",
        User = 1 "user",
        UserAgent = 2 "user-agent",
        System = 3 "system",
        SystemOperator = 4 "system-operator",
    }
}

choice! {
    /// `Messaging-Property`. From `message-identifier` on, profile `current` alone.
    MessagingProperty {
        Pincode(OctetString) = 0 "pincode",
        Priority(MessagingPriority) = 1 "priority",
        GreetingType(MessagingGreetingType) = 2 "greeting-type",
        NotificationType(MessagingNotificationType) = 3 "notification-type",
        Language(OctetString) = 4 "language",
        MessageIdentifier(OctetString) = 5 "message-identifier",
        Subject(Utf8String) = 6 "subject",
        UserAgent(Utf8String) = 7 "user-agent",
        Password(OctetString) = 8 "password",
        MessageStatus(MessagingMessageStatus) = 9 "message-status",
        RequestedReports(MessagingRequestedReports) = 10 "requested-reports",
        Expires(GeneralizedTime) = 11 "expires",
        MessageDate(GeneralizedTime) = 12 "message-date",
    }
}

enumerated! {
    /// `Messaging-Property-Priority`
    MessagingPriority { Low = 1 "low", Medium = 2 "medium", High = 3 "high", Private = 4 "private" }
}

enumerated! {
    /// `Messaging-Property-Greeting-Type`
    MessagingGreetingType {
        General = 1 "general",
        Name = 2 "name",
        Personal = 3 "personal",
        Absence = 4 "absence",
        Number = 5 "number",
    }
}

enumerated! {
    /// `Messaging-Property-Notification-Type`. From `message-to-email` on, profile `current` alone.
    MessagingNotificationType {
        EmptyCall = 1 "empty-call",
        LostCall = 2 "lost-call",
        MessageToEmail = 3 "message-to-email",
        ReadReport = 4 "read-report",
        DeliveryReport = 5 "delivery-report",
        AllowDeliveryReport = 6 "allow-delivery-report",
        DenyDeliveryReport = 7 "deny-delivery-report",
        MessageWaitIndication = 8 "message-wait-indication",
        VoiceToText = 9 "voice-to-text",
        NewMessageSms = 10 "new-message-sms",
        NewMessageOutcall = 11 "new-message-outcall",
        NewMessageReminder = 12 "new-message-reminder",
    }
}

enumerated! {
    /// `message-status`
    MessagingMessageStatus {
        Indeterminate = 0 "indeterminate",
        Expired = 1 "expired",
        Retrieved = 2 "retrieved",
        Rejected = 3 "rejected",
        Deferred = 4 "deferred",
        Forwarded = 5 "forwarded",
        Unrecognized = 6 "unrecognized",
        Unreachable = 7 "unreachable",
        Read = 8 "read",
        DeletedWithoutBeingRead = 9 "deleted-without-being-read",
        DeliveryConditionNotMet = 10 "delivery-condition-not-met",
    }
}

enumerated! {
    /// `requested-reports`
    MessagingRequestedReports { None = 0 "none", Delivery = 1 "delivery", Read = 2 "read", DeliveryAndRead = 3 "delivery-and-read" }
}

opaque_debug!(MessagingCc, MessagingIri, MessagingPartyInformation, IpAddressAndPort);
