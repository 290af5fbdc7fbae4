//! `AAAInformation`: how the client authenticated (TS 102 232-2 annex D).

use rasn::{AsnType, Decode, Decoder as _, Encode};

use crate::asn1::{Additions, OctetString, Utf8String, choice, enumerated, opaque_debug};

choice! {
    /// `AAAInformation`
    AaaInformation {
        Pop3AaaInformation(Pop3AaaInformation) = 0 "pOP3AAAInformation",
        AsmtpAaaInformation(AsmtpAaaInformation) = 1 "aSMTPAAAInformation",
        ImapAaaInformation(ImapAaaInformation) = 2 "iMAPAAAInformation",
    }
}

/// `POP3AAAInformation`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct Pop3AaaInformation {
    /// `username [0]`, up to 64 characters.
    #[rasn(tag(0))]
    pub username: Utf8String,
    /// `password [1]`, up to 64 characters.
    #[rasn(tag(1))]
    pub password: Option<Utf8String>,
    /// `aAAResult [2]`
    #[rasn(tag(2))]
    pub aaa_result: Option<AaaResult>,
    /// Extension additions.
    pub additions: Additions,
}

/// `IMAPAAAInformation`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct ImapAaaInformation {
    /// `username [0]`, up to 64 characters.
    #[rasn(tag(0))]
    pub username: Utf8String,
    /// `password [1]`, up to 64 characters.
    #[rasn(tag(1))]
    pub password: Option<Utf8String>,
    /// `aAAResult [2]`
    #[rasn(tag(2))]
    pub aaa_result: Option<AaaResult>,
    /// Extension additions.
    pub additions: Additions,
}

/// `ASMTPAAAInformation`: authenticated SMTP (RFC 4954).
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct AsmtpAaaInformation {
    /// `username [0]`, up to 64 characters.
    #[rasn(tag(0))]
    pub username: Utf8String,
    /// `authMethod [1]`
    #[rasn(tag(1))]
    pub auth_method: AaaAuthMethod,
    /// `challenge [2]`, in base64 as the server sent it.
    #[rasn(tag(2))]
    pub challenge: Option<OctetString>,
    /// `response [3]`, in base64 as the client sent it.
    #[rasn(tag(3))]
    pub response: Option<OctetString>,
    /// `aAAResult [4]`
    #[rasn(tag(4))]
    pub aaa_result: Option<AaaResult>,
    /// Extension additions.
    pub additions: Additions,
}

enumerated! {
    /// `AAAauthMethod`
    AaaAuthMethod { Undefined = 1 "undefinedAuthMethod", CramMd5 = 2 "cramMD5", DigestMd5 = 3 "digestMD5" }
}

enumerated! {
    /// `AAAResult`
    AaaResult { ResultUnknown = 1 "resultUnknown", AaaFailed = 2 "aAAFailed", AaaSucceeded = 3 "aAASucceeded" }
}

opaque_debug!(Pop3AaaInformation, ImapAaaInformation, AsmtpAaaInformation);
