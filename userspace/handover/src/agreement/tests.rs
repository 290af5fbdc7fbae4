use super::*;
use crate::key_file::tests::write_kept;

/// A key for tests alone.
pub(crate) fn signing_pem() -> String {
    use ed25519_dalek::pkcs8::EncodePrivateKey as _;
    use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
    ed25519_dalek::SigningKey::from_bytes(&[7; 32]).to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
}

pub(crate) fn read(text: &str) -> AgreementSettings {
    toml::from_str(&format!("lemf = \"a\"\n{text}")).unwrap()
}

fn refused(text: &str, profile: Profile) -> String {
    let error = read(text).open(profile).err().unwrap();
    assert!(error.to_string().starts_with(&format!("agreement.{}: expected ", error.setting())), "{error}");
    error.setting().to_owned()
}

#[test]
fn an_agreement_with_nothing_in_it_changes_nothing() {
    let agreement = read("").open(Profile::Current).unwrap();
    assert!(agreement.national_parameter.is_none() && agreement.national.is_none() && agreement.aggregate.is_none());
    assert!(agreement.integrity.is_none() && agreement.encryption.is_none());
}

#[test]
fn what_is_out_of_its_range_is_refused_by_its_name() {
    for (text, setting) in [
        ("national_parameter = \"0\"", "national_parameter"),
        ("national_parameter = \"\"", "national_parameter"),
        ("national_parameter = \"0g\"", "national_parameter"),
        ("national_values = \"820100\"", "national_values"),
        ("national_country = \"nl\"", "national_country"),
        ("national_country = \"NL\"\nnational_values = \"8205\"", "national_values"),
        // Under countryCode's own tag it would be read as a second one.
        ("national_country = \"NL\"\nnational_values = \"810158\"", "national_values"),
        ("aggregate.octets = 100", "aggregate.octets"),
        ("aggregate.delay = 0", "aggregate.delay"),
        ("aggregate.delay = 61", "aggregate.delay"),
        ("integrity.hash_pdus = 0", "integrity.hash_pdus"),
        ("integrity.hash_quiet = 0.0", "integrity.hash_quiet"),
        ("integrity.sign_hashes = 0", "integrity.sign_hashes"),
        ("integrity.sign_delay = 4000", "integrity.sign_delay"),
        ("integrity.hash = \"sha-1\"", "integrity.hash"),
        ("integrity.signing_key = \"/nonexistent\"", "integrity.signing_key"),
        ("integrity.signing_key = \"/dev/null\"", "integrity.signing_key"),
        ("encryption = { cipher = \"aes-256-cbc\", key_file = \"/nonexistent\" }", "encryption.key_file"),
        ("encryption = { cipher = \"aes-256-cbc\", key_file = \"/dev/null\" }", "encryption.key_file"),
    ] {
        assert_eq!(refused(text, Profile::Current), setting, "{text}");
    }
    assert_eq!(refused("integrity.hash = \"sha-256\"", Profile::V331), "integrity.hash");
}

#[test]
fn a_hash_is_that_of_the_profile_unless_set() {
    let hash = |text: &str, profile| read(text).open(profile).unwrap().integrity.unwrap().hash;
    assert_eq!(hash("integrity = {}", Profile::Current), HashAlgorithm::Sha256);
    assert_eq!(hash("integrity = {}", Profile::V331), HashAlgorithm::Sha1);
    assert_eq!(hash("integrity.hash = \"sha-512\"", Profile::Current), HashAlgorithm::Sha512);
}

#[test]
fn a_key_has_the_length_of_its_cipher() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    for (digits, cipher, is_good) in
        [(64, "aes-256-cbc", true), (48, "aes-192-cbc", true), (48, "aes-256-cbc", false), (64, "aes-192-cbc", false)]
    {
        write_kept(&file, format!("{}\n", "a1".repeat(digits / 2)));
        let mut settings = read(&format!("[encryption]\ncipher = \"{cipher}\"\nkey_file = \"key\""));
        settings.relative_to(folder.path());
        assert_eq!(settings.open(Profile::Current).is_ok(), is_good, "{digits} digits, {cipher}");
    }
}

#[test]
fn key_files_that_others_can_read_are_refused() {
    use ed25519_dalek::pkcs8::EncodePrivateKey as _;
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let signing = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let pem = signing.to_pkcs8_pem(ed25519_dalek::pkcs8::spki::der::pem::LineEnding::LF).unwrap();
    for (name, octets, settings, setting) in [
        ("key", "a1".repeat(32), "[encryption]\ncipher = \"aes-256-cbc\"\nkey_file = \"key\"", "encryption.key_file"),
        ("pem", pem.to_string(), "integrity.signing_key = \"pem\"", "integrity.signing_key"),
    ] {
        let file = folder.path().join(name);
        write_kept(&file, octets);
        let mut settings = read(settings);
        settings.relative_to(folder.path());
        assert!(settings.open(Profile::Current).is_ok(), "{name}");
        for mode in [0o604, 0o644, 0o620] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = settings.open(Profile::Current).err().unwrap();
            let said = format!(
                "agreement.{setting}: expected a file that nobody but its owner and group can read (chmod 0400)"
            );
            assert_eq!(error.to_string(), said, "{mode:o}");
        }
    }
}
