//! The two versions of the modules that Writ speaks.

use crate::asn1::{ObjectIdentifier, RelativeOid};
use crate::tri::HashAlgorithm;

/// Which versions of LI-PS-PDU and EmailPDU a sender follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// TS 102 232-2 V3.3.1 (2012): EmailPDU 9, LI-PS-PDU 14.
    V331,
    /// EmailPDU 20, LI-PS-PDU 43.
    #[default]
    Current,
}

/// The types whose first field names the module version they follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectIdOf {
    /// `EmailIRI`
    EmailIri,
    /// `EmailCC`
    EmailCc,
    /// `MessagingIRI`
    MessagingIri,
    /// `MessagingCC`
    MessagingCc,
    /// `MessagingMMCC`
    MessagingMmCc,
}

impl Profile {
    /// The version of LI-PS-PDU.
    #[must_use]
    pub const fn li_ps_pdu_version(self) -> u32 {
        match self {
            Self::V331 => 14,
            Self::Current => 43,
        }
    }

    /// The version of EmailPDU.
    #[must_use]
    pub const fn email_pdu_version(self) -> u32 {
        match self {
            Self::V331 => 9,
            Self::Current => 20,
        }
    }

    /// `li-psDomainId`: `{0 4 0 2 2 5 1 version}`.
    #[must_use]
    pub fn li_ps_domain_id(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unchecked(vec![0, 4, 0, 2, 2, 5, 1, self.li_ps_pdu_version()].into())
    }

    /// The object identifier in the first field of `of`: `{5 2 version n}`.
    #[must_use]
    pub fn object_id(self, of: ObjectIdOf) -> RelativeOid {
        let number = match of {
            ObjectIdOf::EmailIri => 1,
            ObjectIdOf::EmailCc => 2,
            ObjectIdOf::MessagingIri => 3,
            ObjectIdOf::MessagingCc => 4,
            ObjectIdOf::MessagingMmCc => 5,
        };
        RelativeOid::new(&[5, 2, self.email_pdu_version(), number])
    }

    /// The hash algorithms that an integrity check may use.
    #[must_use]
    pub const fn hash_algorithms(self) -> &'static [HashAlgorithm] {
        match self {
            Self::V331 => &[HashAlgorithm::Sha1],
            Self::Current => &[HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512],
        }
    }

    /// Whether an integrity check names its algorithm: before there was a choice, there was no field for it.
    #[must_use]
    pub const fn names_hash_algorithm(self) -> bool {
        matches!(self, Self::Current)
    }
}
