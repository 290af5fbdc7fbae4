//! The key of a spool, and what is made of it: a key for each file, so that no nonce is used twice under one.

use std::io::{self, Read as _};
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

use crate::key_file::{self, KEPT, KeyFileError};

/// Octets of a key.
const KEY: usize = 32;
/// Octets of what makes the key of a file its own.
pub(crate) const SALT: usize = 32;
/// Octets by which the right key is known.
pub(crate) const CHECK: usize = 8;
/// Octets that encryption adds.
pub(crate) const TAG: usize = 16;

/// Why a key file cannot be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("expected a key file that can be read: {0}")]
    Read(#[source] io::Error),
    /// Others can read it.
    #[error("expected {KEPT}")]
    Open,
    /// It is something else.
    #[error("expected 64 hexadecimal digits (openssl rand -hex 32)")]
    Content,
}

/// The key of the settings.
#[derive(Clone)]
pub(crate) struct SpoolKey(Zeroizing<[u8; KEY]>);

impl SpoolKey {
    pub(crate) fn read(file: &Path) -> Result<Self, KeyError> {
        let open = key_file::open(file).map_err(|error| match error {
            KeyFileError::Read(error) => KeyError::Read(error),
            KeyFileError::Open => KeyError::Open,
        })?;
        let mut text = Zeroizing::new([0; 2 * KEY + 2]);
        let mut octets = 0;
        let mut rest = open.take(text.len() as u64);
        while let Some(free) = text.get_mut(octets..).filter(|free| !free.is_empty()) {
            match rest.read(free).map_err(KeyError::Read)? {
                0 => break,
                more => octets += more,
            }
        }
        let digits = text.get(..octets).unwrap_or_default().trim_ascii_end();
        let mut key = Zeroizing::new([0; KEY]);
        if digits.len() != 2 * KEY {
            return Err(KeyError::Content);
        }
        for (octet, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| pair.get(at).and_then(|digit| char::from(*digit).to_digit(16));
            *octet = match (digit(0), digit(1)) {
                (Some(high), Some(low)) => (high << 4 | low) as u8,
                _ => return Err(KeyError::Content),
            };
        }
        Ok(Self(key))
    }

    /// A secret for something else than a file of a spool, which nobody can tell the key from.
    pub(crate) fn secret(&self, label: &'static [u8]) -> io::Result<Zeroizing<[u8; KEY]>> {
        let unusable = |_| io::Error::other("no key can be derived");
        let mut secret = Zeroizing::new([0; KEY]);
        let derived = Salt::new(HKDF_SHA256, &[]).extract(&self.0[..]);
        derived.expand(&[label], Octets(KEY)).and_then(|okm| okm.fill(&mut secret[..])).map_err(unusable)?;
        Ok(secret)
    }

    /// The key of the file that has this salt.
    pub(crate) fn of_file(&self, salt: &[u8; SALT]) -> io::Result<FileKey> {
        let unusable = |_| io::Error::other("no key can be derived");
        let derived = Salt::new(HKDF_SHA256, salt).extract(&self.0[..]);
        let mut key = Zeroizing::new([0; KEY]);
        let mut check = [0; CHECK];
        derived.expand(&[b"writ spool key"], Octets(KEY)).and_then(|okm| okm.fill(&mut key[..])).map_err(unusable)?;
        derived.expand(&[b"writ spool check"], Octets(CHECK)).and_then(|okm| okm.fill(&mut check)).map_err(unusable)?;
        let unbound = UnboundKey::new(&AES_256_GCM, &key[..]).map_err(unusable)?;
        key.zeroize();
        Ok(FileKey { key: LessSafeKey::new(unbound), check })
    }
}

/// How long a derived key is.
struct Octets(usize);

impl KeyType for Octets {
    fn len(&self) -> usize {
        self.0
    }
}

/// Encrypts and decrypts what is in one file.
pub(crate) struct FileKey {
    key: LessSafeKey,
    /// What tells that it is the right key.
    pub(crate) check: [u8; CHECK],
}

impl FileKey {
    /// Encrypts in place, and gives the tag. `number` is used once with this key.
    pub(crate) fn seal(&self, number: u64, context: &[u8], octets: &mut [u8]) -> io::Result<[u8; TAG]> {
        let tag = self.key.seal_in_place_separate_tag(nonce(number), Aad::from(context), octets);
        let tag = tag.map_err(|_| io::Error::other("cannot encrypt"))?;
        tag.as_ref().try_into().map_err(io::Error::other)
    }

    /// Decrypts in place what ends with its tag. None where it is not as it was sealed.
    pub(crate) fn open<'a>(&self, number: u64, context: &[u8], octets: &'a mut [u8]) -> Option<&'a [u8]> {
        self.key.open_in_place(nonce(number), Aad::from(context), octets).ok().map(|plain| &*plain)
    }
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    for (octet, of_number) in nonce.iter_mut().zip(number.to_le_bytes()) {
        *octet = of_number;
    }
    Nonce::assume_unique_for_key(nonce)
}

/// A salt that no other file has.
pub(crate) fn salt() -> io::Result<[u8; SALT]> {
    let mut salt = [0; SALT];
    SystemRandom::new().fill(&mut salt).map_err(|_| io::Error::other("no random octets"))?;
    Ok(salt)
}

#[cfg(test)]
pub(crate) fn some_key() -> SpoolKey {
    SpoolKey(Zeroizing::new([7; KEY]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_file_is_64_digits_that_nobody_else_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let digits = "00ff".repeat(16);
        for (text, mode, good) in [
            (digits.clone() + "\n", 0o400, true),
            (digits.clone(), 0o600, true),
            (digits.to_uppercase(), 0o640, true),
            (digits.clone(), 0o644, false),
            (digits.clone() + "00", 0o400, false),
            (digits.replace('f', "g"), 0o400, false),
            (String::new(), 0o400, false),
        ] {
            let _ = fs::remove_file(&file);
            fs::write(&file, &text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let read = SpoolKey::read(&file);
            assert_eq!(read.is_ok(), good, "{text:?} {mode:o}");
            assert!(read.is_err() || read.is_ok_and(|key| key.0[..2] == [0, 0xff]));
        }
        assert!(matches!(SpoolKey::read(&folder.path().join("absent")), Err(KeyError::Read(_))));
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let key = some_key().of_file(&[1; SALT]).unwrap();
        let mut sealed = b"octets".to_vec();
        let tag = key.seal(5, b"context", &mut sealed).unwrap();
        sealed.extend(tag);
        assert_eq!(key.open(5, b"context", &mut sealed.clone()), Some(&b"octets"[..]));
        assert_eq!(key.open(6, b"context", &mut sealed.clone()), None);
        assert_eq!(key.open(5, b"other", &mut sealed.clone()), None);
        assert_eq!(some_key().of_file(&[2; SALT]).unwrap().open(5, b"context", &mut sealed.clone()), None);
        sealed[0] ^= 1;
        assert_eq!(key.open(5, b"context", &mut sealed), None);
    }
}
