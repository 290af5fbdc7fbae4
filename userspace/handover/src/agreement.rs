//! What is agreed with an LEMF beyond the address and the profile (`[[agreement]]`): aggregation, integrity checks,
//! encryption, national parameters. TS 102 232-1 leaves each of them to the two ends.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use writ_etsi::asn1::{Additions, OctetString, PrintableString, RawValue};
use writ_etsi::{HashAlgorithm, NationalEmAsn1Parameters, Profile};
use zeroize::Zeroizing;

use crate::encryption::{Cipher, Encryption};
use crate::header::printable;
use crate::integrity::{Cover, IntegrityRules};
use crate::key_file::{self, KEPT, KeyFileError};
use crate::settings::seconds;
use crate::signing::SigningKey;

/// A setting of an agreement that cannot be used. It says what was expected, never what was found: that may be a key.
#[derive(Debug, Error)]
pub enum AgreementError {
    /// A value out of its range or form.
    #[error("agreement.{setting}: expected {expected}")]
    Setting {
        /// The setting, from `[[agreement]]` on: `integrity.hash_pdus`.
        setting: &'static str,
        /// What it should have been.
        expected: &'static str,
    },
    /// A key file that cannot be read.
    #[error("agreement.{setting}: expected a file that can be read ({kind})")]
    File {
        /// The setting.
        setting: &'static str,
        /// Why it cannot.
        kind: io::ErrorKind,
    },
}

impl AgreementError {
    /// The setting, from `[[agreement]]` on.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Setting { setting, .. } | Self::File { setting, .. } => setting,
        }
    }
}

/// One `[[agreement]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementSettings {
    /// The `[[lemf]]` that it is with.
    pub lemf: String,
    /// `nationalParameter` of every `EmailIRI`, in hex.
    #[serde(default)]
    pub national_parameter: Option<String>,
    /// `countryCode` of `national-EM-ASN1parameters` in every `EmailIRI`: two letters.
    #[serde(default)]
    pub national_country: Option<String>,
    /// What that country defines after it: whole BER values, in hex.
    #[serde(default)]
    pub national_values: Option<String>,
    /// `[agreement.aggregate]`.
    #[serde(default)]
    pub aggregate: Option<AggregateSettings>,
    /// `[agreement.integrity]`.
    #[serde(default)]
    pub integrity: Option<IntegritySettings>,
    /// `[agreement.encryption]`.
    #[serde(default)]
    pub encryption: Option<EncryptionSettings>,
}

/// `[agreement.aggregate]`: several payloads of a communication in one PDU.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AggregateSettings {
    /// Octets of payloads that a PDU holds at most.
    pub octets: usize,
    /// How long the first payload waits at most, in seconds.
    #[serde(deserialize_with = "seconds")]
    pub delay: Duration,
}

impl Default for AggregateSettings {
    fn default() -> Self {
        Self { octets: 32_000, delay: Duration::from_millis(500) }
    }
}

/// `[agreement.integrity]`: hashes, and signatures over them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IntegritySettings {
    /// The hash algorithm. That of the profile unless set: SHA-256, or SHA-1 under `v3.3.1`.
    pub hash: Option<HashSetting>,
    /// A hash goes after so many PDUs.
    pub hash_pdus: usize,
    /// And after so many seconds without one.
    #[serde(deserialize_with = "seconds")]
    pub hash_quiet: Duration,
    /// Which PDUs are covered.
    pub cover: Cover,
    /// A private key in PEM (PKCS #8), Ed25519 or ECDSA on P-256. Without one there are hashes alone.
    pub signing_key: Option<PathBuf>,
    /// A signature goes after so many hashes.
    pub sign_hashes: usize,
    /// And so many seconds after the first hash that has none.
    #[serde(deserialize_with = "seconds")]
    pub sign_delay: Duration,
}

impl Default for IntegritySettings {
    fn default() -> Self {
        Self {
            hash: None,
            hash_pdus: 1000,
            hash_quiet: Duration::from_secs(1),
            cover: Cover::default(),
            signing_key: None,
            sign_hashes: 15,
            sign_delay: Duration::from_secs(30),
        }
    }
}

/// `agreement.integrity.hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum HashSetting {
    /// SHA-1, under profile `v3.3.1` alone.
    #[serde(rename = "sha-1")]
    Sha1,
    /// SHA-256.
    #[serde(rename = "sha-256")]
    Sha256,
    /// SHA-384.
    #[serde(rename = "sha-384")]
    Sha384,
    /// SHA-512.
    #[serde(rename = "sha-512")]
    Sha512,
}

impl HashSetting {
    fn algorithm(self) -> HashAlgorithm {
        match self {
            Self::Sha1 => HashAlgorithm::Sha1,
            Self::Sha256 => HashAlgorithm::Sha256,
            Self::Sha384 => HashAlgorithm::Sha384,
            Self::Sha512 => HashAlgorithm::Sha512,
        }
    }
}

/// `[agreement.encryption]`: IRI and CC in an `EncryptionContainer`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptionSettings {
    /// The cipher.
    pub cipher: Cipher,
    /// The file with the key, in hex.
    pub key_file: PathBuf,
}

impl AgreementSettings {
    /// Makes the paths of key files, where they are relative, those of a folder.
    pub fn relative_to(&mut self, folder: &Path) {
        let signing = self.integrity.as_mut().and_then(|integrity| integrity.signing_key.as_mut());
        let encryption = self.encryption.as_mut().map(|encryption| &mut encryption.key_file);
        for path in [signing, encryption].into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }

    /// Checks what can be checked without a look at a file.
    ///
    /// # Errors
    /// The first setting that cannot be used under this profile.
    pub fn validate(&self, profile: Profile) -> Result<(), AgreementError> {
        self.national()?;
        self.national_parameter()?;
        if let Some(aggregate) = &self.aggregate {
            check(
                "aggregate.octets",
                (512..=1 << 20).contains(&aggregate.octets),
                "octets of payloads, 512 to 1048576",
            )?;
            check("aggregate.delay", up_to(aggregate.delay, 60), "seconds, above 0 and at most 60")?;
        }
        if let Some(integrity) = &self.integrity {
            check("integrity.hash_pdus", (1..=10_000).contains(&integrity.hash_pdus), "PDUs, 1 to 10000")?;
            check("integrity.hash_quiet", up_to(integrity.hash_quiet, 3600), "seconds, above 0 and at most 3600")?;
            check("integrity.sign_hashes", (1..=1000).contains(&integrity.sign_hashes), "hashes, 1 to 1000")?;
            check("integrity.sign_delay", up_to(integrity.sign_delay, 3600), "seconds, above 0 and at most 3600")?;
            let algorithms = profile.hash_algorithms();
            let of_profile = integrity.hash.is_none_or(|hash| algorithms.contains(&hash.algorithm()));
            let expected = match profile {
                Profile::V331 => "\"sha-1\", the one algorithm of profile \"v3.3.1\"",
                Profile::Current => "\"sha-256\", \"sha-384\" or \"sha-512\", those of profile \"current\"",
            };
            check("integrity.hash", of_profile, expected)?;
        }
        Ok(())
    }

    /// Reads the key files, and makes of all of it what the encoder works by.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or where a key file cannot be read, or holds no such key.
    pub fn open(&self, profile: Profile) -> Result<Agreement, AgreementError> {
        self.validate(profile)?;
        let integrity = self.integrity.as_ref().map(|settings| {
            let signer = settings.signing_key.as_deref().map(signing_key).transpose()?;
            let hash = match (settings.hash, profile) {
                (Some(hash), _) => hash.algorithm(),
                (None, Profile::V331) => HashAlgorithm::Sha1,
                (None, Profile::Current) => HashAlgorithm::Sha256,
            };
            Ok(IntegrityRules {
                hash,
                hash_pdus: settings.hash_pdus,
                hash_quiet: settings.hash_quiet,
                cover: settings.cover,
                signer,
                sign_hashes: settings.sign_hashes,
                sign_delay: settings.sign_delay,
                names_algorithms: profile.names_hash_algorithm(),
            })
        });
        let encryption = self.encryption.as_ref().map(|settings| {
            let setting = "encryption.key_file";
            let text = read(setting, &settings.key_file)?;
            let expected = match settings.cipher {
                Cipher::Aes192Cbc => "a file of 48 hexadecimal digits, the key of AES-192",
                Cipher::Aes256Cbc => "a file of 64 hexadecimal digits, the key of AES-256",
            };
            let key = unhex(text.trim()).map(Zeroizing::new);
            let encryption = key.and_then(|key| Encryption::new(settings.cipher, &key));
            encryption.ok_or(AgreementError::Setting { setting, expected })
        });
        Ok(Agreement {
            national_parameter: self.national_parameter()?,
            national: self.national()?,
            aggregate: self.aggregate,
            integrity: integrity.transpose()?,
            encryption: encryption.transpose()?,
        })
    }

    fn national_parameter(&self) -> Result<Option<OctetString>, AgreementError> {
        let expected = "octets in hex, 1 to 1024 of them";
        let octets = self.national_parameter.as_deref().map(|hex| {
            let octets = unhex(hex).filter(|octets| (1..=1024).contains(&octets.len()));
            octets.ok_or(AgreementError::Setting { setting: "national_parameter", expected })
        });
        Ok(octets.transpose()?.map(OctetString::from))
    }

    fn national(&self) -> Result<Option<NationalEmAsn1Parameters>, AgreementError> {
        let Some(country) = &self.national_country else {
            let expected = "national_country as well, which says whose values they are";
            check("national_values", self.national_values.is_none(), expected)?;
            return Ok(None);
        };
        let is_country = country.len() == 2 && country.bytes().all(|octet| octet.is_ascii_uppercase());
        let country_code: Option<PrintableString> = printable(country).filter(|_| is_country);
        let expected = "a country code of two letters (A to Z)";
        let country_code = country_code.ok_or(AgreementError::Setting { setting: "national_country", expected })?;
        let values = self.national_values.as_deref().map(|hex| {
            let values =
                unhex(hex).filter(|octets| octets.len() <= 1024).and_then(|octets| RawValue::sequence(&octets));
            // A value under countryCode's own tag, or before it, would be read as another field.
            let values =
                values.filter(|values| values.iter().all(|value| value.context_tag().is_some_and(|tag| tag > 1)));
            let expected = "whole BER values in hex, each under a context tag above 1, 1024 octets at most";
            values.ok_or(AgreementError::Setting { setting: "national_values", expected })
        });
        let additions = Additions::from(values.transpose()?.unwrap_or_default());
        Ok(Some(NationalEmAsn1Parameters { country_code, additions }))
    }
}

/// An agreement, its keys read: what an encoder works by. The default is that nothing was agreed.
#[derive(Clone, Default)]
pub struct Agreement {
    pub(crate) national_parameter: Option<OctetString>,
    pub(crate) national: Option<NationalEmAsn1Parameters>,
    pub(crate) aggregate: Option<AggregateSettings>,
    pub(crate) integrity: Option<IntegrityRules>,
    pub(crate) encryption: Option<Encryption>,
}

fn signing_key(path: &Path) -> Result<SigningKey, AgreementError> {
    let setting = "integrity.signing_key";
    let expected = "a private key in PEM (PKCS #8), Ed25519 or ECDSA on P-256";
    SigningKey::from_pem(&read(setting, path)?).ok_or(AgreementError::Setting { setting, expected })
}

/// A key file is a line or a few; what is longer is none.
fn read(setting: &'static str, path: &Path) -> Result<Zeroizing<String>, AgreementError> {
    use std::io::Read as _;
    let mut text = Zeroizing::new(String::with_capacity(16 << 10));
    let read = key_file::open(path).and_then(|file| Ok(file.take(16 << 10).read_to_string(&mut text)?));
    match read {
        Ok(_) => Ok(text),
        Err(KeyFileError::Read(error)) => Err(AgreementError::File { setting, kind: error.kind() }),
        Err(KeyFileError::Open) => Err(AgreementError::Setting { setting, expected: KEPT }),
    }
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes();
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| match pair {
            [high, low] => u8::try_from(value(high)? * 16 + value(low)?).ok(),
            _ => None,
        })
        .collect()
}

fn up_to(time: Duration, seconds: u64) -> bool {
    !time.is_zero() && time <= Duration::from_secs(seconds)
}

fn check(setting: &'static str, holds: bool, expected: &'static str) -> Result<(), AgreementError> {
    if holds { Ok(()) } else { Err(AgreementError::Setting { setting, expected }) }
}

#[cfg(test)]
pub(crate) mod tests;
