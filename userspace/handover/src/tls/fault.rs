//! What TLS found wrong, in words of our own: those of the library can quote what the other end chose to send.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// What is wrong with the other end, or with us in its eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsFault {
    #[error("the LEMF's certificate is signed by nobody in tls.ca")]
    UnknownIssuer,
    #[error("the LEMF's certificate is for another name")]
    WrongName,
    #[error("the LEMF's certificate has expired, or this machine's clock is wrong")]
    Expired,
    #[error("the LEMF's certificate is not valid yet, or this machine's clock is wrong")]
    NotValidYet,
    #[error("the LEMF's certificate cannot be used")]
    OtherCertificate,
    #[error("the LEMF does not accept our certificate")]
    Refused,
    #[error("the LEMF has no version or cipher of TLS that is allowed here")]
    Incompatible,
    #[error("the LEMF does not speak TLS as it should")]
    Protocol,
}

impl TlsFault {
    /// The fault behind an error of reading or writing, if TLS found one.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).map(Self::from)
    }

    /// Whether it is about the certificate of the LEMF.
    pub(crate) fn is_of_certificate(self) -> bool {
        use TlsFault::{Expired, NotValidYet, OtherCertificate, UnknownIssuer, WrongName};
        matches!(self, UnknownIssuer | WrongName | Expired | NotValidYet | OtherCertificate)
    }
}

impl From<&Error> for TlsFault {
    fn from(error: &Error) -> Self {
        use CertificateError as Certificate;
        match error {
            Error::InvalidCertificate(Certificate::UnknownIssuer) => Self::UnknownIssuer,
            Error::InvalidCertificate(Certificate::NotValidForName | Certificate::NotValidForNameContext { .. }) => {
                Self::WrongName
            }
            Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => Self::Expired,
            Error::InvalidCertificate(Certificate::NotValidYet | Certificate::NotValidYetContext { .. }) => {
                Self::NotValidYet
            }
            Error::InvalidCertificate(_) | Error::NoCertificatesPresented => Self::OtherCertificate,
            Error::PeerIncompatible(_)
            | Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
                Self::Incompatible
            }
            // What is said of a certificate (RFC 8446 §6.2).
            Error::AlertReceived(
                AlertDescription::NoCertificate
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied
                | AlertDescription::CertificateRequired,
            ) => Self::Refused,
            _ => Self::Protocol,
        }
    }
}
