//! What the kernel, and `ethtool`, say.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Gives what `ethtool` prints with these arguments; `None` where it fails or is not there.
type Ethtool = dyn Fn(&[&str]) -> Option<String>;

/// This machine, or files and answers that stand for one.
pub(super) struct Machine {
    root: PathBuf,
    ethtool: Box<Ethtool>,
}

impl Machine {
    /// The one that this runs on.
    pub(super) fn here() -> Self {
        let ethtool = |arguments: &[&str]| {
            let path = ["/usr/sbin/ethtool", "/sbin/ethtool", "/usr/bin/ethtool"];
            let program = path.into_iter().find(|path| Path::new(path).exists())?;
            let done = Command::new(program).args(arguments).env("LC_ALL", "C").output().ok()?;
            done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
        };
        Self { root: PathBuf::from("/"), ethtool: Box::new(ethtool) }
    }

    #[cfg(test)]
    pub(super) fn of(root: &Path, ethtool: impl Fn(&[&str]) -> Option<String> + 'static) -> Self {
        Self { root: root.to_owned(), ethtool: Box::new(ethtool) }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The text of a file of the kernel's, without white space around it.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.path(path)).ok().map(|text| text.trim().to_owned())
    }

    /// Whether there is such a file or folder.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The last part of what a link points to.
    pub(super) fn link_name(&self, path: &str) -> Option<String> {
        Some(std::fs::read_link(self.path(path)).ok()?.file_name()?.to_string_lossy().into_owned())
    }

    /// The names in a folder, sorted.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub(super) fn ethtool(&self, arguments: &[&str]) -> Option<String> {
        (self.ethtool)(arguments)
    }
}

/// The value of `name: value` in what `ethtool` printed, the first such line from where `section` begins.
pub(super) fn value<'a>(printed: &'a str, section: &str, name: &str) -> Option<&'a str> {
    let from = printed.find(section)?;
    printed.get(from..)?.lines().find_map(|line| Some(line.trim().strip_prefix(name)?.strip_prefix(':')?.trim()))
}
