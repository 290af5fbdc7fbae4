//! Files with a key: opened only where nobody else can read them.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use thiserror::Error;

/// Of a file's mode: what anybody else may do, and that its group may write.
const OPEN_TO_OTHERS: u32 = 0o027;

/// What a key file should have been.
pub(crate) const KEPT: &str = "a file that nobody but its owner and group can read (chmod 0400)";

/// Why a key file is not opened.
#[derive(Debug, Error)]
pub(crate) enum KeyFileError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Others can read it.
    #[error("expected {KEPT}")]
    Open,
}

/// Opens a key file.
///
/// # Errors
/// Where it cannot be read, or others can read it too.
pub(crate) fn open(path: &Path) -> Result<File, KeyFileError> {
    let file = File::open(path)?;
    // Of what was opened, not of what has its name by now.
    if file.metadata()?.mode() & OPEN_TO_OTHERS != 0 {
        return Err(KeyFileError::Open);
    }
    Ok(file)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Writes a key file that nobody else can read.
    pub(crate) fn write_kept(path: &Path, octets: impl AsRef<[u8]>) {
        let _ = fs::remove_file(path);
        fs::write(path, octets).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn a_key_file_is_one_that_nobody_else_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write_kept(&path, "key");
        for (mode, is_kept) in
            [(0o400, true), (0o600, true), (0o640, true), (0o440, true), (0o644, false), (0o660, false), (0o601, false)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(open(&path).is_ok(), is_kept, "{mode:o}");
        }
        assert!(matches!(open(&folder.path().join("absent")), Err(KeyFileError::Read(_))));
    }
}
