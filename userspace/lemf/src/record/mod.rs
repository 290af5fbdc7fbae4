//! What is kept of the PDUs that arrive.
//!
//! ```text
//! DIR/pdus.etsi                      every PDU as it came, keep-alives left out
//! DIR/malformed.etsi                 what was framed as a PDU and is none
//! DIR/sessions/LIID-CIN.txt          a transcript: C, S what client and server sent, I events, ! remarks
//! DIR/messages/LIID-CIN-N.eml        each message; .incomplete.eml, .refused.eml, .partial.eml where it is that
//! DIR/packets/LIID-CIN.pcap          IP packets, for content in that format
//! DIR/contents/LIID-CIN-eEVENT-CONTENT.TYPE   contents of messaging; .part while pieces come, .incomplete where the last never came
//! ```
//!
//! Where a header names a network element or an interception point, `@OPERATOR@ELEMENT@POINT` follows `LIID-CIN`: each numbers by itself.
//!
//! After a restart all of these are appended to, and `pdus.etsi` is read back so that sequence numbers go on being
//! checked where they were. A message that was half there is left as `.eml.part`, and what comes of its session
//! afterwards is read as a session of its own.

mod contents;
mod names;
mod open_files;
mod packets;
mod protocol;
mod sequence;
mod session;
mod source;

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use writ_etsi::{CcContents, DecodeError, IriContents, MicroSecondTimeStamp, Payload, PsPdu, TriPayload};

pub(crate) use self::names::Communication;
use self::open_files::OpenFiles;
use self::sequence::Sequences;
pub(crate) use self::sequence::sequence_of;
pub use self::sequence::{Interface, Numbering, Sequence};
use self::session::{Session, Store};
pub(crate) use self::source::Resets;
use crate::decode_file::{End, decode_file};
use crate::decryption::{ContentKey, Opened, Unopened, open};
use crate::integrity::{Finding, Verifier, VerifierLimits, VerifyingKey};
use crate::show;
use crate::smtp::Side;
use crate::summary::Summary;

/// How much a recorder holds at a time.
#[derive(Debug, Clone, Copy)]
pub struct RecordLimits {
    /// Sessions that are followed. Beyond it the one that was not heard for longest is closed.
    pub sessions: usize,
    /// Sequences that are followed.
    pub sequences: usize,
    /// Files that are open.
    pub files: usize,
}

impl Default for RecordLimits {
    fn default() -> Self {
        Self { sessions: 10_000, sequences: 1_000_000, files: 128 }
    }
}

/// How PDUs are recorded.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecordSettings {
    /// How the sender numbers.
    pub numbering: Numbering,
    /// A line of JSON a PDU instead of a line of words.
    pub json: bool,
    /// How much is held at a time.
    pub limits: RecordLimits,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused something.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The store's PDUs are no PDUs: appending to them would make things worse.
    #[error("{path}: {end}", path = path.display())]
    NotPdus {
        /// The file.
        path: PathBuf,
        /// Where, and what was expected.
        end: End,
    },
}

/// Takes PDUs and keeps them.
pub struct Recorder {
    settings: RecordSettings,
    store: Store,
    sequences: Sequences,
    sessions: HashMap<Communication, Session>,
    keys: Keys,
    verifier: Verifier,
    /// Whether PDUs came that are encrypted and stay so. Which of two sequences each stands in is encrypted as well, so
    /// that no number can be called missing any more.
    is_blind: bool,
    out: Box<dyn Write + Send>,
    clock: u64,
    /// Whether the folder was synced since the files are in it.
    is_named: bool,
}

/// The keys that were agreed with the sender, where there are any.
#[derive(Default)]
pub struct Keys {
    /// Of encrypted PDUs.
    pub content: Option<ContentKey>,
    /// Of signatures.
    pub verifying: Option<VerifyingKey>,
}

impl Recorder {
    /// A recorder into a directory, which is made if it is not there. Lines about what arrives go to `out`.
    ///
    /// # Errors
    /// Where the directory cannot be used, or holds a `pdus.etsi` that is none.
    pub fn open(root: &Path, settings: RecordSettings, out: Box<dyn Write + Send>) -> Result<Self, StoreError> {
        Self::open_with(root, settings, Keys::default(), out)
    }

    /// As [`open`](Self::open), with the keys that were agreed with the sender.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        root: &Path,
        settings: RecordSettings,
        mut keys: Keys,
        out: Box<dyn Write + Send>,
    ) -> Result<Self, StoreError> {
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |error| StoreError::Io { path, error }
        };
        for directory in ["sessions", "messages", "packets", "contents"] {
            let path = root.join(directory);
            // What was intercepted is for its owner's eyes alone.
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(refused(&path))?;
        }
        let mut recorder = Self {
            settings,
            store: Store {
                root: root.to_owned(),
                files: OpenFiles::new(settings.limits.files),
                summary: Summary::default(),
            },
            sequences: Sequences::new(settings.numbering, settings.limits.sequences),
            sessions: HashMap::new(),
            verifier: Verifier::new(keys.verifying.take(), VerifierLimits { octets: 64 << 20, pdus: 1_000_000 }),
            keys,
            is_blind: false,
            out,
            clock: 0,
            is_named: false,
        };
        let path = recorder.pdus();
        if path.exists() {
            recorder.read_back(&path)?;
        }
        Ok(recorder)
    }

    /// What was counted so far.
    pub fn summary(&mut self) -> &mut Summary {
        self.store.summary.sequences_forgotten = self.sequences.forgotten();
        self.store.summary.verified = self.verifier.verified();
        &mut self.store.summary
    }

    fn pdus(&self) -> PathBuf {
        self.store.root.join("pdus.etsi")
    }

    /// Follows the sequences through the PDUs of an earlier run. A PDU that was half written when that run ended is cut
    /// off: what is appended after it could not be read.
    fn read_back(&mut self, path: &Path) -> Result<(), StoreError> {
        let refused = |error| StoreError::Io { path: path.to_owned(), error };
        let summary = decode_file(path, |found| {
            if let Ok(pdu) = found.pdu {
                let Opened { pdu, unopened, .. } = open(pdu, self.keys.content.as_ref());
                self.is_blind |= unopened == Some(Unopened::NoKey);
                // What is wrong with these was said when they came.
                self.verifier.take(&found.octets, &pdu);
                if matches!(pdu.payload, Payload::TriPayload(TriPayload::CinReset)) {
                    self.sequences.reset(&pdu.ps_header);
                } else if let Some((communication, interface)) = sequence_of(&pdu) {
                    self.sequences.check(&communication, interface, pdu.ps_header.sequence_number);
                }
            }
            ControlFlow::Continue(())
        })
        .map_err(refused)?;
        self.verifier.count_anew();
        match summary.end {
            End::CutOff { offset, .. } => {
                fs::OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(offset)).map_err(refused)
            }
            End::NoPdu { .. } => Err(StoreError::NotPdus { path: path.to_owned(), end: summary.end }),
            End::Whole | End::Stopped { .. } => Ok(()),
        }
    }

    /// Takes a PDU: stores it, judges its number, and takes its contents into its session.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn pdu(&mut self, octets: &[u8], pdu: &PsPdu) -> io::Result<()> {
        let path = self.pdus();
        self.store.files.append(&path, octets)?;
        let opened;
        let pdu = if matches!(pdu.payload, Payload::EncryptionContainer(_)) {
            opened = open(pdu.clone(), self.keys.content.as_ref());
            match opened.unopened {
                None => {}
                Some(Unopened::NoKey) => {
                    if !self.is_blind {
                        let words =
                            "PDUs are encrypted, and no key was given: they are stored, and their numbers not checked";
                        self.remark(words)?;
                    }
                    self.is_blind = true;
                }
                Some(unopened) => self.remark(&format!("a PDU was not opened: {unopened}"))?,
            }
            &opened.pdu
        } else {
            pdu
        };
        let summary = &mut self.store.summary;
        summary.pdus += 1;
        summary.octets += octets.len() as u64;
        match &pdu.payload {
            Payload::IriPayloadSequence(_) => summary.iri += 1,
            Payload::CcPayloadSequence(_) => summary.cc += 1,
            Payload::EncryptionContainer(_) => {}
            _ => summary.tri += 1,
        }
        let line = if self.settings.json { show::json_line(&show::json(pdu)) } else { show::line(pdu) };
        writeln!(self.out, "{line}")?;
        let findings = self.verifier.take(octets, pdu);
        self.say(&findings)?;
        if matches!(pdu.payload, Payload::TriPayload(TriPayload::CinReset)) {
            self.store.summary.resets += 1;
            self.sequences.reset(&pdu.ps_header);
            return Ok(());
        }
        if self.is_new(pdu)? { self.take_in(pdu) } else { Ok(()) }
    }

    /// Takes octets that were framed as a PDU and are none.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn malformed(&mut self, octets: &[u8], error: DecodeError) -> io::Result<()> {
        self.store.summary.malformed += 1;
        let path = self.store.root.join("malformed.etsi");
        self.store.files.append(&path, octets)?;
        self.remark(&format!("malformed PDU of {} octets: {error}", octets.len()))
    }

    /// Writes a remark among the lines about PDUs.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn remark(&mut self, words: &str) -> io::Result<()> {
        if self.settings.json {
            writeln!(self.out, "{}", show::json_line(&serde_json::json!({ "remark": words })))
        } else {
            writeln!(self.out, "! {words}")
        }
    }

    fn say(&mut self, findings: &[Finding]) -> io::Result<()> {
        findings.iter().try_for_each(|finding| self.remark(&finding.to_string()))
    }

    /// Judges a PDU's number. One that came before is not taken in again.
    fn is_new(&mut self, pdu: &PsPdu) -> io::Result<bool> {
        let Some((communication, interface)) = sequence_of(pdu).filter(|_| !self.is_blind) else { return Ok(true) };
        let number = pdu.ps_header.sequence_number;
        let judged = self.sequences.check(&communication, interface, number);
        if judged.restarted {
            self.close(&communication)?;
        }
        let summary = &mut self.store.summary;
        let words = match judged.sequence {
            Sequence::InOrder => return Ok(true),
            Sequence::Gap { expected, missing } => {
                summary.gaps += 1;
                summary.missing += u64::from(missing);
                format!("expected number {expected}, found {number}: {missing} missing")
            }
            Sequence::Late => {
                summary.late += 1;
                format!("number {number} came late")
            }
            Sequence::Duplicate => {
                summary.duplicates += 1;
                format!("number {number} came again")
            }
        };
        let on = match interface {
            Interface::Hi2 => "HI2",
            Interface::Hi3 => "HI3",
        };
        let whose = show::escape_octets(&communication.liid);
        let cin = communication.cin.map_or_else(|| "-".to_owned(), |cin| cin.to_string());
        let source = communication.source.words();
        self.remark(&format!("{whose}{source} cin {cin} {on}: {words}"))?;
        let stamp = pdu.ps_header.micro_second_time_stamp.as_ref();
        self.in_session(&communication, |session, store| session.remark(store, stamp, &format!("{on}: {words}")))?;
        Ok(judged.sequence != Sequence::Duplicate)
    }

    fn take_in(&mut self, pdu: &PsPdu) -> io::Result<()> {
        let communication = Communication::of(&pdu.ps_header);
        let of_header = pdu.ps_header.micro_second_time_stamp.as_ref();
        match &pdu.payload {
            Payload::IriPayloadSequence(records) => records.iter().try_for_each(|record| {
                let stamp = record.micro_second_time_stamp.as_ref().or(of_header);
                let iri = match &record.iri_contents {
                    IriContents::EmailIri(iri) => Some(&**iri),
                    _ => None,
                };
                let shown = show::payload_line(&Payload::IriPayloadSequence(vec![record.clone()]));
                self.in_session(&communication, |session, store| session.event(store, stamp, iri, &shown))
            }),
            Payload::CcPayloadSequence(pieces) => pieces.iter().try_for_each(|piece| {
                let stamp = piece.micro_second_time_stamp.as_ref().or(of_header);
                self.in_session(&communication, |session, store| match &piece.cc_contents {
                    CcContents::EmailCc(cc) => session.email_cc(store, stamp, piece.payload_direction, cc),
                    CcContents::MessagingCc(cc) => session.messaging_cc(store, stamp, cc),
                    _ => session.remark(store, stamp, "content that is not e-mail: see pdus.etsi"),
                })
            }),
            Payload::TriPayload(payload) => self.transport(&communication, of_header, payload),
            Payload::Hi1Operation(_) | Payload::EncryptionContainer(_) | Payload::Unrecognised(_) => Ok(()),
        }
    }

    fn transport(
        &mut self,
        communication: &Communication,
        stamp: Option<&MicroSecondTimeStamp>,
        payload: &TriPayload,
    ) -> io::Result<()> {
        if communication.cin.is_none() {
            return Ok(());
        }
        match payload {
            TriPayload::FirstSegmentFlag => self.in_session(communication, |session, store| {
                session.first_segment(store);
                Ok(())
            }),
            TriPayload::LastSegmentFlag => {
                self.in_session(communication, |session, store| session.last_segment(store, stamp))
            }
            TriPayload::OperatorLeaMessage(words) => {
                let gap = missed(&words.message);
                let words = format!("the operator says: {}", show::escape_octets(&words.message));
                self.in_session(communication, |session, store| {
                    session.remark(store, stamp, &words)?;
                    gap.map_or(Ok(()), |(side, octets)| session.gap(store, stamp, side, octets))
                })
            }
            _ => Ok(()),
        }
    }

    fn in_session(
        &mut self,
        communication: &Communication,
        act: impl FnOnce(&mut Session, &mut Store) -> io::Result<()>,
    ) -> io::Result<()> {
        self.clock += 1;
        if !self.sessions.contains_key(communication) {
            if self.sessions.len() >= self.settings.limits.sessions.max(1) {
                self.make_room()?;
            }
            self.store.summary.sessions += 1;
            self.sessions.insert(communication.clone(), Session::new(communication));
        }
        let Some(session) = self.sessions.get_mut(communication) else { return Ok(()) };
        session.used = self.clock;
        act(session, &mut self.store)
    }

    fn close(&mut self, communication: &Communication) -> io::Result<()> {
        match self.sessions.remove(communication) {
            Some(session) => session.finish(&mut self.store),
            None => Ok(()),
        }
    }

    /// Closes the sessions that were not heard for longest: a sixteenth at once, so that the search is paid for by as
    /// many new ones.
    fn make_room(&mut self) -> io::Result<()> {
        let mut uses: Vec<u64> = self.sessions.values().map(|session| session.used).collect();
        let index = (uses.len() / 16).min(uses.len().saturating_sub(1));
        let (_, &mut threshold, _) = uses.select_nth_unstable(index);
        let old: Vec<Communication> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.used <= threshold)
            .map(|(communication, _)| communication.clone())
            .collect();
        self.store.summary.sessions_evicted += old.len() as u64;
        old.iter().try_for_each(|communication| self.close(communication))
    }

    /// Writes what is gathered, so that readers of the files see it.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.store.files.flush()?;
        self.out.flush()
    }

    /// Puts every PDU that was taken on disk: what may be acknowledged. What is made of them, the transcripts and messages,
    /// can be made again.
    ///
    /// # Errors
    /// Where a file cannot be written or synced.
    pub fn sync(&mut self) -> io::Result<()> {
        for path in [self.pdus(), self.store.root.join("malformed.etsi")] {
            self.store.files.sync(&path)?;
        }
        if !self.is_named {
            // That the files are there at all.
            fs::File::open(&self.store.root)?.sync_all()?;
            self.is_named = true;
        }
        Ok(())
    }

    /// Closes every session and file, and says what was counted.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn finish(mut self) -> io::Result<Summary> {
        for (_, session) in std::mem::take(&mut self.sessions) {
            session.finish(&mut self.store)?;
        }
        let verifier = Verifier::new(None, VerifierLimits::default());
        let (verified, findings) = std::mem::replace(&mut self.verifier, verifier).finish();
        self.say(&findings)?;
        self.flush()?;
        let mut summary = self.summary().clone();
        summary.verified = verified;
        Ok(summary)
    }
}

/// How many octets of which end were not captured, where the operator's words are such as Writ says them.
fn missed(words: &[u8]) -> Option<(Side, u64)> {
    let words = std::str::from_utf8(words).ok()?;
    let (octets, rest) = words.strip_suffix(" in this communication were not captured.")?.split_once(' ')?;
    let side = match rest {
        "octets sent by the client" => Side::Client,
        "octets sent by the server" => Side::Server,
        _ => return None,
    };
    Some((side, octets.parse().ok()?))
}
