//! Files that are appended to, of which a bounded number is open at a time.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Octets gathered before they are written to a file.
const BUFFER: usize = 8 * 1024;

struct Open {
    file: BufWriter<File>,
    used: u64,
}

/// Appends to any number of files. The one that was not used for longest is closed where there would be too many.
pub(super) struct OpenFiles {
    open: HashMap<PathBuf, Open>,
    max: usize,
    clock: u64,
}

impl OpenFiles {
    pub(super) fn new(max: usize) -> Self {
        Self { open: HashMap::new(), max: max.max(1), clock: 0 }
    }

    pub(super) fn append(&mut self, path: &Path, octets: &[u8]) -> io::Result<()> {
        self.clock += 1;
        if let Some(open) = self.open.get_mut(path) {
            open.used = self.clock;
            return open.file.write_all(octets);
        }
        if self.open.len() >= self.max {
            // As long as `max` is small, looking through all costs less than keeping them in order.
            let oldest = self.open.iter().min_by_key(|(_, open)| open.used).map(|(path, _)| path.clone());
            if let Some(path) = oldest {
                self.close(&path)?;
            }
        }
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let mut open = Open { file: BufWriter::with_capacity(BUFFER, file), used: self.clock };
        open.file.write_all(octets)?;
        self.open.insert(path.to_owned(), open);
        Ok(())
    }

    /// Writes what is gathered for a file, and closes it.
    pub(super) fn close(&mut self, path: &Path) -> io::Result<()> {
        match self.open.remove(path) {
            Some(mut open) => open.file.flush(),
            None => Ok(()),
        }
    }

    /// Gives a file another name.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.close(from)?;
        self.close(to)?;
        fs::rename(from, to)
    }

    /// Writes what is gathered for a file, and puts it on disk.
    pub(super) fn sync(&mut self, path: &Path) -> io::Result<()> {
        let Some(open) = self.open.get_mut(path) else {
            return match File::open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                file => file?.sync_data(),
            };
        };
        open.file.flush()?;
        open.file.get_ref().sync_data()
    }

    /// Writes what is gathered, so that readers of the files see it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.open.values_mut().try_for_each(|open| open.file.flush())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_files_than_may_be_open() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = OpenFiles::new(3);
        for round in 0..3 {
            for name in 0..10 {
                files.append(&directory.path().join(name.to_string()), &[b'0' + round]).unwrap();
                assert!(files.open.len() <= 3);
            }
        }
        files.rename(&directory.path().join("9"), &directory.path().join("nine")).unwrap();
        files.flush().unwrap();
        assert_eq!(fs::read(directory.path().join("0")).unwrap(), b"012");
        assert_eq!(fs::read(directory.path().join("nine")).unwrap(), b"012");
        assert!(!directory.path().join("9").exists());
    }
}
