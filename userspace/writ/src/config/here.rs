//! What this machine has, and lets be made.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, TcpListener};
use std::path::Path;

/// Whether there is an interface of this name.
pub(super) fn has_interface(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).exists()
}

/// Whether something can listen at an address: of this machine, or of all its addresses.
pub(super) fn is_local(address: IpAddr) -> bool {
    // A port that is free: whether that of the settings is now says nothing about later.
    TcpListener::bind((address, 0)).is_ok()
}

/// Whether there is a folder at `path`, or one can be made, in which files can be made. Whoever asks need not be the account that
/// Writ runs as, so a lack of permission is no answer.
pub(super) fn can_be_a_folder(path: &Path) -> io::Result<()> {
    let Some(there) = path.ancestors().find(|path| path.as_os_str().is_empty() || path.symlink_metadata().is_ok())
    else {
        return Ok(());
    };
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    match std::fs::metadata(there) {
        Ok(found) if !found.is_dir() => return Err(ErrorKind::NotADirectory.into()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(()),
        Err(error) => return Err(error),
    }
    let trial = there.join(format!(".writ-{}", std::process::id()));
    match std::fs::create_dir(&trial) {
        Ok(()) => std::fs::remove_dir(&trial),
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::AlreadyExists) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_or_can_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("dangling")).unwrap();
        for (path, good) in
            [("", true), ("a", true), ("a/b", true), ("file", false), ("file/a", false), ("dangling", false)]
        {
            assert_eq!(can_be_a_folder(&folder.path().join(path)).is_ok(), good, "{path}");
        }
        assert!(can_be_a_folder(Path::new("/proc/x")).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn what_is_not_of_this_machine_is_known() {
        assert!(has_interface("lo") && !has_interface("nosuch9"));
        assert!(is_local("127.0.0.1".parse().unwrap()) && is_local("0.0.0.0".parse().unwrap()));
        assert!(!is_local("192.0.2.1".parse().unwrap()));
    }
}
