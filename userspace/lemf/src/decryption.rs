//! What an `EncryptionContainer` holds (TS 102 232-1).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockDecryptMut as _, KeyIvInit as _};
use writ_etsi::{EncryptedPayload, EncryptionContainer, EncryptionType, Payload, PsPdu, decode_encrypted_payload};
use zeroize::Zeroizing;

/// Why a container stays closed. No octet of key or content is in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// There is no key.
    #[error("encrypted, and no key was given")]
    NoKey,
    /// The container names a cipher that is not known here.
    #[error("expected AES-192-CBC or AES-256-CBC, found another encryptionType")]
    Cipher,
    /// The key has another length than the cipher's.
    #[error("expected a key of the cipher's length, found another")]
    KeyLength,
    /// What comes out is no `EncryptedPayload`.
    #[error("expected an EncryptedPayload under this key, found none: another key, or octets that were changed")]
    Contents,
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It holds something else.
    #[error("expected a key in hexadecimal digits, 48 of them (AES-192) or 64 (AES-256)")]
    NoKey,
}

/// The key that was agreed with the sender.
pub struct ContentKey(Zeroizing<Vec<u8>>);

impl ContentKey {
    /// Reads a key file: hexadecimal digits.
    ///
    /// # Errors
    /// Where it cannot be read, or holds no key.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let mut text = Zeroizing::new(String::with_capacity(1024));
        File::open(path)?.take(1024).read_to_string(&mut text)?;
        let digits = text.trim().as_bytes();
        let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let octet = |pair: &[u8]| match pair {
            [high, low] => Some(value(high)? << 4 | value(low)?),
            _ => None,
        };
        let key: Option<Vec<u8>> = digits.chunks(2).map(octet).collect();
        let key = key.map(Zeroizing::new).filter(|key| matches!(key.len(), 24 | 32));
        key.map(Self).ok_or(KeyFileError::NoKey)
    }

    /// What a container holds. The sequence number of its PDU is the initialisation vector, four times over.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(&self, container: &EncryptionContainer, sequence_number: u32) -> Result<EncryptedPayload, Unopened> {
        let vector: Vec<u8> = sequence_number.to_be_bytes().repeat(4);
        let encrypted = &container.encrypted_payload;
        let plain = match container.encryption_type {
            EncryptionType::Aes192Cbc => cbc::Decryptor::<aes::Aes192>::new_from_slices(&self.0, &vector)
                .map(|cipher| cipher.decrypt_padded_vec_mut::<NoPadding>(encrypted)),
            EncryptionType::Aes256Cbc => cbc::Decryptor::<aes::Aes256>::new_from_slices(&self.0, &vector)
                .map(|cipher| cipher.decrypt_padded_vec_mut::<NoPadding>(encrypted)),
            _ => return Err(Unopened::Cipher),
        };
        let plain = plain.map_err(|_| Unopened::KeyLength)?.map(Zeroizing::new).map_err(|_| Unopened::Contents)?;
        // How the last block is filled differs from sender to sender, and does not matter: BER says where it ends.
        decode_encrypted_payload(&plain).map_err(|_| Unopened::Contents)
    }
}

/// A PDU as it is to be read.
pub struct Opened {
    /// The PDU, with what its container held in the place of the container.
    pub pdu: PsPdu,
    /// `byteCounter` of what was encrypted.
    pub byte_counter: Option<u64>,
    /// Why its container is still closed.
    pub unopened: Option<Unopened>,
}

/// Opens the container of a PDU that has one.
pub fn open(mut pdu: PsPdu, key: Option<&ContentKey>) -> Opened {
    let Payload::EncryptionContainer(container) = &pdu.payload else {
        return Opened { pdu, byte_counter: None, unopened: None };
    };
    let opened = key.ok_or(Unopened::NoKey).and_then(|key| key.open(container, pdu.ps_header.sequence_number));
    match opened {
        Ok(EncryptedPayload { byte_counter, payload, .. }) => {
            pdu.payload = payload;
            Opened { pdu, byte_counter: Some(byte_counter), unopened: None }
        }
        Err(unopened) => Opened { pdu, byte_counter: None, unopened: Some(unopened) },
    }
}
