//! Formats of the files of a spool: the first eight octets of each name it, the last of them the version.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::SpoolError;

/// Refuses a file that another version of the program wrote: what is in it must not be taken for damaged.
pub(super) fn check(path: &Path, magic: &[u8; 8]) -> Result<(), SpoolError> {
    let failed = |source| SpoolError::Io { folder: path.to_owned(), source };
    let mut octets = [0; 8];
    let read = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file.and_then(|mut file| file.read_exact(&mut octets)),
    };
    match read {
        // Nothing in it yet, when the process or the machine died.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
        read => read.map_err(failed)?,
    }
    let ([expected, name @ ..], [found, of @ ..]) = (reversed(*magic), reversed(octets));
    // What is no version is a file that was damaged.
    if name == of && found != expected && found.is_ascii_digit() {
        let (expected, found) = (char::from(expected), char::from(found));
        return Err(SpoolError::Format { file: path.to_owned(), expected, found });
    }
    Ok(())
}

fn reversed(mut octets: [u8; 8]) -> [u8; 8] {
    octets.reverse();
    octets
}
