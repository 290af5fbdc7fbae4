//! The captures: those in the tree, and those that lie beside it.

use std::path::{Path, PathBuf};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// Every capture of SMTP in the tree, by name, but for the known gaps.
pub fn in_tree() -> Vec<PathBuf> {
    let folder = root().join("tests/captures");
    let mut captures = found(&folder);
    // Those of POP3 and IMAP4 lie in folders of their own: this oracle does not read them, and they have people in common with these.
    captures.retain(|capture| capture.parent() == Some(&folder));
    assert!(captures.len() > 40, "the captures of the tree are there");
    captures
}

/// The captures of a folder of those in the tree, by name.
pub fn in_tree_folder(folder: &str) -> Vec<PathBuf> {
    found(&root().join("tests/captures").join(folder))
}

/// One capture in the tree.
pub fn in_tree_named(name: &str) -> PathBuf {
    root().join("tests/captures").join(name).with_extension("pcap")
}

/// A folder of captures that is no part of the tree.
#[derive(Clone, Copy, Debug)]
pub enum Corpus {
    /// Made with real servers on loopback.
    Live,
    /// Public captures of mail.
    Mail,
    /// Public captures of everything but mail.
    Wire,
}

/// The captures of a corpus: under `WRIT_CORPORA`, or `../shared/corpora` beside the workspace. `None` where it is not there.
pub fn corpora(corpus: Corpus) -> Option<Vec<PathBuf>> {
    let folder = match std::env::var_os("WRIT_CORPORA") {
        Some(folder) => PathBuf::from(folder),
        None => root().join("../shared/corpora"),
    };
    let captures = found(&folder.join(match corpus {
        Corpus::Live => "live",
        Corpus::Mail => "mail",
        Corpus::Wire => "wire",
    }));
    (!captures.is_empty()).then_some(captures)
}

fn found(folder: &Path) -> Vec<PathBuf> {
    let mut captures = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if [".pcap", ".pcapng", ".cap", ".pcap.gz"].iter().any(|end| name.ends_with(end)) {
                captures.push(path);
            }
        }
    }
    captures.sort();
    captures
}
