//! `EncryptionContainer` (TS 102 232-1): the payload encrypted with AES in CBC, the header in the clear.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockEncryptMut as _, KeyIvInit as _};
use serde::Deserialize;
use writ_etsi::asn1::{Additions, OctetString};
use writ_etsi::{
    EncodeError, EncryptedPayload, EncryptedPayloadType, EncryptionContainer, EncryptionType, Payload,
    encode_encrypted_payload,
};
use zeroize::Zeroizing;

/// `agreement.encryption.cipher`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Cipher {
    /// AES-192 in CBC.
    #[serde(rename = "aes-192-cbc")]
    Aes192Cbc,
    /// AES-256 in CBC.
    #[serde(rename = "aes-256-cbc")]
    Aes256Cbc,
}

/// A cipher with its key.
#[derive(Clone)]
pub(crate) struct Encryption {
    cipher: Cipher,
    key: Zeroizing<Vec<u8>>,
}

impl Encryption {
    /// `None` where the key has not the cipher's length.
    pub(crate) fn new(cipher: Cipher, key: &[u8]) -> Option<Self> {
        let octets = match cipher {
            Cipher::Aes192Cbc => 24,
            Cipher::Aes256Cbc => 32,
        };
        (key.len() == octets).then(|| Self { cipher, key: Zeroizing::new(key.to_vec()) })
    }

    /// Encrypts a payload. `sequence_number` is the PDU's, and makes the initialisation vector.
    ///
    /// # Errors
    /// Where the payload has no encoding.
    pub(crate) fn seal(
        &self,
        payload: Payload,
        byte_counter: u64,
        sequence_number: u32,
    ) -> Result<Payload, EncodeError> {
        let plain = EncryptedPayload { byte_counter, payload, additions: Additions::NONE };
        let plain = Zeroizing::new(encode_encrypted_payload(&plain)?);
        let vector = vector(sequence_number);
        let (encryption_type, encrypted) = match self.cipher {
            Cipher::Aes192Cbc => (
                EncryptionType::Aes192Cbc,
                cbc::Encryptor::<aes::Aes192>::new_from_slices(&self.key, &vector)
                    .map(|cipher| cipher.encrypt_padded_vec_mut::<Pkcs7>(&plain)),
            ),
            Cipher::Aes256Cbc => (
                EncryptionType::Aes256Cbc,
                cbc::Encryptor::<aes::Aes256>::new_from_slices(&self.key, &vector)
                    .map(|cipher| cipher.encrypt_padded_vec_mut::<Pkcs7>(&plain)),
            ),
        };
        // The key has its cipher's length, or there would be no `Encryption`.
        let encrypted = encrypted.map_err(|_| EncodeError::Codec)?;
        Ok(Payload::EncryptionContainer(EncryptionContainer {
            encryption_type,
            encrypted_payload: OctetString::from(encrypted),
            encrypted_payload_type: Some(EncryptedPayloadType::Part2),
            additions: Additions::NONE,
        }))
    }
}

/// The initialisation vector: the sequence number four times over, big end first. Which PDU it is, is in the clear, so
/// the vector goes without saying; that no two PDUs begin alike is what the byte counter is for.
fn vector(sequence_number: u32) -> [u8; 16] {
    let mut vector = [0; 16];
    for part in vector.chunks_exact_mut(4) {
        part.copy_from_slice(&sequence_number.to_be_bytes());
    }
    vector
}

/// `byteCounter`: begins at the seconds of the clock × 2^32, and grows by the octets of every PDU that went before.
#[derive(Default)]
pub(crate) struct ByteCounter(Option<u64>);

impl ByteCounter {
    /// The value for the PDU that is made now.
    pub(crate) fn value(&mut self, seconds: u64) -> u64 {
        *self.0.get_or_insert(seconds << 32)
    }

    /// Counts a PDU that was made.
    pub(crate) fn add(&mut self, octets: usize) {
        if let Some(counter) = &mut self.0 {
            *counter = counter.wrapping_add(octets as u64);
        }
    }
}
