//! The configuration and the warrants file: any text gives settings, or one line that says what is wrong, and of a warrants file
//! never a value.

use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;

// The program is no library, so what reads its files is taken from where it stands.
#[allow(dead_code, unused_imports, missing_docs, reason = "another program's modules, of which a part is used")]
#[path = "../../../userspace/writ/src/config/mod.rs"]
mod config;

use config::{Config, Lemfs, read_warrants};

/// In an input, this stands for something secret.
const SECRET: &str = "zqxj";

thread_local! {
    static FILE: NamedTempFile = NamedTempFile::new().expect("a temporary file");
}

/// Puts the input into a file.
fn with_file(input: &[u8], read: impl FnOnce(&Path)) {
    FILE.with(|file| {
        file.as_file().set_len(0).expect("an empty file");
        let mut writer = std::fs::File::create(file.path()).expect("the file opens");
        writer.write_all(input).expect("the file is written");
        read(file.path());
    });
}

/// Runs an input: a configuration.
pub fn run(input: &[u8]) {
    with_file(input, |path| match Config::read(path) {
        Ok(config) => {
            let _ = (config.wire_settings(), config.intercept_settings());
        }
        Err(error) => assert_eq!(error.to_string().lines().count(), 1, "one line says what is wrong"),
    });
}

/// Runs an input: a warrants file.
pub fn warrants(input: &[u8]) {
    with_file(input, |path| {
        let mut lemfs = Lemfs::open(vec!["lea-1".to_owned()]);
        match read_warrants(path, &mut lemfs) {
            Ok(warrants) => {
                for warrant in warrants {
                    assert_eq!(warrant.check(), Ok(()), "what is read was checked");
                    assert!(!format!("{warrant:?}").contains(SECRET));
                }
            }
            Err(error) => {
                let text = error.to_string();
                assert_eq!(text.lines().count(), 1, "one line says what is wrong");
                // A key is no value: what is said of an unknown one may name it.
                let is_key = || String::from_utf8_lossy(input).lines().any(|line| has_key(line));
                assert!(!text.contains(SECRET) || is_key(), "a value is quoted: {text}");
            }
        }
    });
}

/// Whether the secret may stand in the place of a key.
fn has_key(line: &str) -> bool {
    line.match_indices(SECRET).any(|(at, _)| {
        let rest = line[at..]
            .trim_start_matches(|character: char| character.is_alphanumeric() || "-_\"'.] ".contains(character));
        rest.starts_with('=') || line.trim_start().starts_with('[')
    })
}
