//! Where the PDUs for an LEMF go: over the network, into a file, or to the program.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use writ_etsi::Profile;

use crate::agreement::Agreement;
use crate::pdu::Interface;
use crate::settings::{LemfSettings, ProfileSetting};

/// Takes each PDU with the name of its LEMF and its interface, on the delivery thread.
pub type Callback = Arc<dyn Fn(&str, Interface, &[u8]) + Send + Sync>;

/// One LEMF, as warrants name it, and where what is for it goes. `Mandate::lemf` is an index into the list of them.
#[derive(Clone)]
pub struct Outlet {
    pub(crate) lemf: String,
    pub(crate) profile: Profile,
    pub(crate) agreement: Agreement,
    pub(crate) destination: Destination,
}

#[derive(Clone)]
pub(crate) enum Destination {
    Network(Box<LemfSettings>),
    File(PathBuf),
    Callback(Callback),
}

impl Outlet {
    /// To the LEMF, over a connection for each interface.
    pub fn network(lemf: LemfSettings) -> Self {
        Self::new(lemf.name.clone(), lemf.profile, Destination::Network(Box::new(lemf)))
    }

    /// Into a file, the PDUs back to back exactly as they go over a connection; keep-alives are none of them. Outlets
    /// with the same path share the file, in the order in which records come.
    pub fn file(lemf: impl Into<String>, profile_setting: ProfileSetting, path: impl Into<PathBuf>) -> Self {
        Self::new(lemf.into(), profile_setting, Destination::File(path.into()))
    }

    /// To the program itself, as `replay` shows them.
    pub fn callback(lemf: impl Into<String>, profile_setting: ProfileSetting, callback: Callback) -> Self {
        Self::new(lemf.into(), profile_setting, Destination::Callback(callback))
    }

    /// The same, with an LEMF with which more was agreed than the profile.
    #[must_use]
    pub fn agreed(mut self, agreement: Agreement) -> Self {
        self.agreement = agreement;
        self
    }

    fn new(lemf: String, profile_setting: ProfileSetting, destination: Destination) -> Self {
        Self { lemf, profile: profile(profile_setting), agreement: Agreement::default(), destination }
    }
}

/// The profile of a setting.
pub fn profile(setting: ProfileSetting) -> Profile {
    match setting {
        ProfileSetting::Current => Profile::Current,
        ProfileSetting::V331 => Profile::V331,
    }
}

/// A file of PDUs.
pub(crate) struct PduFile {
    path: PathBuf,
    writer: BufWriter<File>,
    failed: bool,
}

impl PduFile {
    /// Begins the file anew, readable by its owner alone: it holds what was intercepted.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        Ok(Self { path: path.to_owned(), writer: BufWriter::with_capacity(1 << 18, file), failed: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one PDU; says whether that went well. After a failure nothing more is written, since a PDU after half of
    /// another could not be read.
    pub(crate) fn write(&mut self, octets: &[u8]) -> bool {
        if !self.failed {
            let written = self.writer.write_all(octets);
            self.note(written);
        }
        !self.failed
    }

    pub(crate) fn flush(&mut self) -> bool {
        if !self.failed {
            let flushed = self.writer.flush();
            self.note(flushed);
        }
        !self.failed
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.failed = true;
            let error = error.kind();
            tracing::error!(path = %self.path.display(), %error, "cannot write PDUs");
        }
    }
}
