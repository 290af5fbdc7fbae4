//! The public key that signatures are verified with.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use ed25519_dalek::pkcs8::DecodePublicKey as _;
use p256::ecdsa::signature::Verifier as _;
use writ_etsi::SignatureAlgorithm;

/// Why a file holds no key to verify with.
#[derive(Debug, thiserror::Error)]
pub enum VerifyingKeyError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It holds something else.
    #[error("expected a public key in PEM (SubjectPublicKeyInfo), Ed25519 or ECDSA on P-256")]
    NoKey,
}

/// The sender's public key.
pub enum VerifyingKey {
    /// Ed25519 (RFC 8032).
    Ed25519(ed25519_dalek::VerifyingKey),
    /// ECDSA on P-256, with SHA-256.
    P256(p256::ecdsa::VerifyingKey),
}

impl VerifyingKey {
    /// Reads a public key in PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// Where the file cannot be read, or holds no such key.
    pub fn read(path: &Path) -> Result<Self, VerifyingKeyError> {
        let mut pem = String::new();
        File::open(path)?.take(16 << 10).read_to_string(&mut pem)?;
        ed25519_dalek::VerifyingKey::from_public_key_pem(&pem)
            .map(Self::Ed25519)
            .or_else(|_| p256::ecdsa::VerifyingKey::from_public_key_pem(&pem).map(Self::P256))
            .map_err(|_| VerifyingKeyError::NoKey)
    }

    /// Whether this is the signature of that key over these octets. Where the check names an algorithm, it has to be the key's.
    pub(super) fn verifies(&self, octets: &[u8], signature: &[u8], algorithm: Option<SignatureAlgorithm>) -> bool {
        match self {
            Self::Ed25519(key) => {
                algorithm.is_none_or(|algorithm| algorithm == SignatureAlgorithm::EdDsa)
                    && ed25519_dalek::Signature::from_slice(signature)
                        .is_ok_and(|signature| key.verify_strict(octets, &signature).is_ok())
            }
            Self::P256(key) => {
                algorithm.is_none_or(|algorithm| algorithm == SignatureAlgorithm::Ecdsa)
                    && p256::ecdsa::Signature::from_der(signature)
                        .is_ok_and(|signature| key.verify(octets, &signature).is_ok())
            }
        }
    }
}
