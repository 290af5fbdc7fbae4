//! The words of unified messaging: each enumeration of TS 102 232-2 annex D, with the names and numbers that it has there.

/// Defines an enumeration of the standard: each value with its number and its name.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $number:literal $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "(", stringify!($number), ")`")] $variant,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in the standard.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// Its number in the standard.
            pub const fn number(self) -> i64 {
                match self {
                    $(Self::$variant => $number,)+
                }
            }

            /// The value of this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }
    };
}

words! {
    /// `Messaging-Event` (clause 8.2).
    MessageEvent {
        Deposit = 1 "deposit",
        Retrieve = 2 "retrieve",
        Delete = 3 "delete",
        Save = 4 "save",
        Slamdown = 5 "slamdown",
        Calendar = 6 "calendar",
        Contact = 7 "contact",
    }
}

words! {
    /// `Messaging-Box-Event` (clause 8.3).
    BoxEvent {
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

words! {
    /// `Messaging-Notification-Event` (clause 8.4).
    NotificationEvent {
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

words! {
    /// `Messaging-Call-Event` (clause 8.5).
    CallEvent { Callout = 1 "callout" }
}

words! {
    /// `Messaging-Status` (clause 8).
    Status {
        Unknown = 0 "unknown",
        NotApplicable = 1 "not-applicable",
        Failed = 2 "operation-failed",
        Succeeded = 3 "operation-succeeded",
        Cancelled = 4 "operation-cancelled",
        Started = 5 "operation-started",
        Lost = 6 "operation-lost",
    }
}

words! {
    /// `Messaging-Party-Qualifier` (clause 8.6).
    Qualifier {
        Unknown = 0 "unknown-party",
        Originating = 1 "originating-party",
        Terminating = 2 "terminating-party",
        Associated = 3 "associated-party",
    }
}

words! {
    /// `party-validity`
    Validity { Unknown = 0 "unknown", Trusted = 1 "trusted", Untrusted = 2 "untrusted" }
}

words! {
    /// `copy-qualifier`
    CopyQualifier { Unknown = 0 "unknown", None = 1 "none", Cc = 2 "cc", Bcc = 3 "bcc" }
}

words! {
    /// `Messaging-Trigger` (clause 8.6).
    Trigger {
        Unknown = 0 "unknown",
        User = 1 "user",
        UserAgent = 2 "user-agent",
        System = 3 "system",
        SystemOperator = 4 "system-operator",
    }
}

words! {
    /// `Messaging-Property-Priority` (clause 8.7).
    Priority { Low = 1 "low", Medium = 2 "medium", High = 3 "high", Private = 4 "private" }
}

words! {
    /// `Messaging-Property-Greeting-Type` (clause 8.7).
    GreetingType {
        General = 1 "general",
        Name = 2 "name",
        Personal = 3 "personal",
        Absence = 4 "absence",
        Number = 5 "number",
    }
}

words! {
    /// `Messaging-Property-Notification-Type` (clause 8.7).
    NotificationType {
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

words! {
    /// `message-status`
    MessageStatus {
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

words! {
    /// `requested-reports`
    RequestedReports { None = 0 "none", Delivery = 1 "delivery", Read = 2 "read", DeliveryAndRead = 3 "delivery-and-read" }
}

words! {
    /// `payloadDirection` of a piece of content (TS 102 232-1).
    PayloadDirection {
        FromTarget = 0 "fromTarget",
        ToTarget = 1 "toTarget",
        Indeterminate = 2 "indeterminate",
        NotApplicable = 4 "notapplicable",
    }
}
