//! The key with which integrity checks are signed.

use std::sync::Arc;

use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use p256::ecdsa::signature::Signer as _;
use writ_etsi::{HashAlgorithm, SignatureAlgorithm};

/// A private key. It zeroises itself when it is let go of, and has no `Debug` that would show it.
#[derive(Clone)]
pub struct SigningKey(Arc<Key>);

enum Key {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl SigningKey {
    /// Reads a private key in PEM (PKCS #8, RFC 5958), as `openssl genpkey` writes it.
    pub(crate) fn from_pem(pem: &str) -> Option<Self> {
        let key = match ed25519_dalek::SigningKey::from_pkcs8_pem(pem) {
            Ok(key) => Key::Ed25519(key),
            Err(_) => Key::P256(p256::ecdsa::SigningKey::from_pkcs8_pem(pem).ok()?),
        };
        Some(Self(Arc::new(key)))
    }

    /// Ed25519 as RFC 8032 §5.1 has it, 64 octets; ECDSA with SHA-256 as `Ecdsa-Sig-Value` in DER (RFC 3279 §2.2.3).
    pub(crate) fn sign(&self, octets: &[u8]) -> Vec<u8> {
        match &*self.0 {
            Key::Ed25519(key) => key.sign(octets).to_bytes().to_vec(),
            Key::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(octets);
                signature.to_der().as_bytes().to_vec()
            }
        }
    }

    /// The algorithm, and the hash that is part of it: SHA-512 in Ed25519.
    pub(crate) fn algorithms(&self) -> (SignatureAlgorithm, HashAlgorithm) {
        match &*self.0 {
            Key::Ed25519(_) => (SignatureAlgorithm::EdDsa, HashAlgorithm::Sha512),
            Key::P256(_) => (SignatureAlgorithm::Ecdsa, HashAlgorithm::Sha256),
        }
    }
}
