//! One communication: its transcript, its messages and its packets.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use writ_etsi::{
    EmailCc, EmailEvent, EmailFormat, EmailIri, EmailProtocol, MessagingCc, MicroSecondTimeStamp, PayloadDirection,
};

use super::contents::Contents;
use super::names::Communication;
use super::open_files::OpenFiles;
use super::packets;
use super::protocol::protocol_of;
use crate::mailbox::{ImapReader, Pop3Reader};
use crate::show::{escape_octets, of_stamp};
use crate::smtp::{Side, Sink, SmtpEvent, SmtpReader, side_of};
use crate::summary::Summary;

/// Octets of segmented content that are put together again. An IP packet has at most half of it.
const MAX_SEGMENTED: usize = 128 * 1024;
/// Complete messages that wait for their answer. Beyond it the oldest is taken as accepted.
const MAX_UNANSWERED: usize = 256;
/// Octets of content that wait until something tells which protocol they are. Beyond it they are taken for SMTP.
const MAX_EARLY: usize = 64 * 1024;
/// The same in pieces.
const MAX_EARLY_PIECES: usize = 256;

/// Where files go, and what is counted on the way.
pub(super) struct Store {
    pub(super) root: PathBuf,
    pub(super) files: OpenFiles,
    pub(super) summary: Summary,
}

/// What reads the session's protocol.
enum Reader {
    Smtp(SmtpReader),
    Pop3(Pop3Reader),
    Imap(ImapReader),
    /// None that is known.
    Lines,
    /// What came before anything told which protocol it is: IRI and CC have connections of their own, and either may come first.
    Early(Vec<Early>),
}

/// A piece of content that came early.
struct Early {
    stamp: Option<MicroSecondTimeStamp>,
    direction: Option<PayloadDirection>,
    content: Vec<u8>,
}

impl Reader {
    fn of(protocol: Option<EmailProtocol>) -> Self {
        match protocol {
            None => Self::Early(Vec::new()),
            Some(EmailProtocol::Smtp | EmailProtocol::Undefined) => Self::Smtp(SmtpReader::default()),
            Some(EmailProtocol::Pop3) => Self::Pop3(Pop3Reader::default()),
            Some(EmailProtocol::Imap4) => Self::Imap(ImapReader::default()),
            Some(_) => Self::Lines,
        }
    }

    fn octets(&mut self, side: Side, octets: &[u8], sink: Sink<'_>) {
        match self {
            Self::Smtp(reader) => reader.octets(side, octets, sink),
            Self::Pop3(reader) => reader.octets(side, octets, sink),
            Self::Imap(reader) => reader.octets(side, octets, sink),
            Self::Lines | Self::Early(_) => octets.split_inclusive(|octet| *octet == b'\n').for_each(|line| {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                sink(SmtpEvent::Line { side, octets: line.strip_suffix(b"\r").unwrap_or(line) });
            }),
        }
    }

    fn gap(&mut self, side: Side, octets: u64, sink: Sink<'_>) {
        match self {
            Self::Smtp(reader) => reader.gap(side, octets, sink),
            Self::Pop3(reader) => reader.gap(side, sink),
            Self::Imap(reader) => reader.gap(side, octets, sink),
            Self::Lines | Self::Early(_) => {}
        }
    }

    fn finish(&mut self, sink: Sink<'_>) {
        match self {
            Self::Smtp(reader) => reader.finish(sink),
            Self::Pop3(reader) => reader.finish(sink),
            Self::Imap(reader) => reader.finish(sink),
            Self::Lines | Self::Early(_) => {}
        }
    }
}

pub(super) struct Session {
    reader: Reader,
    output: Output,
    /// The direction in which the client's octets come, once the content has told.
    client: Option<PayloadDirection>,
    /// The same as the kind of event tells it.
    client_by_event: PayloadDirection,
    protocol: Option<EmailProtocol>,
    /// Content between `firstSegmentFlag` and `lastSegmentFlag`.
    segmented: Option<Vec<u8>>,
    /// Contents of messaging.
    contents: Contents,
    /// When this session was last heard, on the recorder's clock.
    pub(super) used: u64,
}

impl Session {
    pub(super) fn new(communication: &Communication) -> Self {
        Self {
            reader: Reader::of(None),
            output: Output { stem: communication.file_stem(), number: 1, open: None, unanswered: VecDeque::new() },
            client: None,
            client_by_event: PayloadDirection::FromTarget,
            protocol: None,
            segmented: None,
            contents: Contents::default(),
            used: 0,
        }
    }

    /// Notes what an event says about the session, and puts it into the transcript.
    pub(super) fn event(
        &mut self,
        store: &mut Store,
        stamp: Option<&MicroSecondTimeStamp>,
        iri: Option<&EmailIri>,
        shown: &str,
    ) -> io::Result<()> {
        if let Some(iri) = iri {
            self.read_as(store, iri.protocol_id)?;
            // Where a recipient is the target, the session is somebody else's and the client sends towards the target.
            self.client_by_event = match iri.event_type {
                EmailEvent::Receive => PayloadDirection::ToTarget,
                _ => PayloadDirection::FromTarget,
            };
        }
        self.output.note(store, stamp, "I", shown)
    }

    /// Puts words about the session into its transcript.
    pub(super) fn remark(
        &mut self,
        store: &mut Store,
        stamp: Option<&MicroSecondTimeStamp>,
        words: &str,
    ) -> io::Result<()> {
        self.output.note(store, stamp, "!", words)
    }

    /// The operator says that so many octets of one end are missing here.
    pub(super) fn gap(
        &mut self,
        store: &mut Store,
        stamp: Option<&MicroSecondTimeStamp>,
        side: Side,
        octets: u64,
    ) -> io::Result<()> {
        let (output, mut result) = (&mut self.output, Ok(()));
        self.reader.gap(side, octets, &mut |event| {
            if result.is_ok() {
                result = output.found(store, stamp, event);
            }
        });
        result
    }

    pub(super) fn first_segment(&mut self, store: &mut Store) {
        self.contents.first_segment();
        if self.segmented.replace(Vec::new()).is_some() {
            store.summary.segment_faults += 1;
        }
    }

    pub(super) fn last_segment(&mut self, store: &mut Store, stamp: Option<&MicroSecondTimeStamp>) -> io::Result<()> {
        let words = self.contents.last_segment(store)?;
        self.output.notes(store, stamp, &words)?;
        match self.segmented.take() {
            Some(content) if !content.is_empty() => self.output.packets(store, stamp, &content),
            Some(_) => Ok(()),
            None => {
                store.summary.segment_faults += 1;
                Ok(())
            }
        }
    }

    pub(super) fn messaging_cc(
        &mut self,
        store: &mut Store,
        stamp: Option<&MicroSecondTimeStamp>,
        cc: &MessagingCc,
    ) -> io::Result<()> {
        let words = self.contents.piece(store, &self.output.stem, cc)?;
        self.output.notes(store, stamp, &words)
    }

    pub(super) fn email_cc(
        &mut self,
        store: &mut Store,
        stamp: Option<&MicroSecondTimeStamp>,
        direction: Option<PayloadDirection>,
        cc: &EmailCc,
    ) -> io::Result<()> {
        match cc.email_format {
            EmailFormat::Application => self.application(store, stamp, direction, &cc.content),
            EmailFormat::IpPacket => self.ip_packet(store, stamp, &cc.content),
            EmailFormat::Unrecognised(_) => {
                let words = format!("{} octets in a format without a name", cc.content.len());
                self.remark(store, stamp, &words)
            }
        }
    }

    /// A piece of a packet waits for the others; a stream of octets needs no such care.
    fn ip_packet(&mut self, store: &mut Store, stamp: Option<&MicroSecondTimeStamp>, content: &[u8]) -> io::Result<()> {
        match &mut self.segmented {
            Some(segmented) if segmented.len() + content.len() <= MAX_SEGMENTED => {
                segmented.extend_from_slice(content);
                Ok(())
            }
            Some(_) => {
                store.summary.segment_faults += 1;
                let segmented = self.segmented.take().unwrap_or_default();
                self.output.packets(store, stamp, &segmented)?;
                self.output.packets(store, stamp, content)
            }
            None => self.output.packets(store, stamp, content),
        }
    }

    fn application(
        &mut self,
        store: &mut Store,
        stamp: Option<&MicroSecondTimeStamp>,
        direction: Option<PayloadDirection>,
        content: &[u8],
    ) -> io::Result<()> {
        if let Reader::Early(early) = &mut self.reader {
            let held: usize = early.iter().map(|piece| piece.content.len()).sum();
            early.push(Early { stamp: stamp.cloned(), direction, content: content.to_vec() });
            return match protocol_of(content) {
                Some(protocol) => self.read_as(store, protocol),
                None if early.len() >= MAX_EARLY_PIECES || held + content.len() > MAX_EARLY => {
                    self.read_as(store, EmailProtocol::Smtp)
                }
                None => Ok(()),
            };
        }
        let side = self.side(direction, content);
        let Some(side) = side else {
            return self.output.lines(store, stamp, "?", content);
        };
        let (output, mut result) = (&mut self.output, Ok(()));
        self.reader.octets(side, content, &mut |event| {
            if result.is_ok() {
                result = output.found(store, stamp, event);
            }
        });
        result
    }

    /// Which end sent `content`: as its first octets tell, and else as those before it or the kind of event do.
    fn side(&mut self, direction: Option<PayloadDirection>, content: &[u8]) -> Option<Side> {
        let other = |direction| match direction {
            PayloadDirection::FromTarget => PayloadDirection::ToTarget,
            _ => PayloadDirection::FromTarget,
        };
        let direction = direction
            .filter(|direction| matches!(direction, PayloadDirection::FromTarget | PayloadDirection::ToTarget));
        let Reader::Smtp(reader) = &self.reader else {
            // Who downloads is the target, and the client.
            return direction.map(|direction| match direction {
                PayloadDirection::ToTarget => Side::Server,
                _ => Side::Client,
            });
        };
        let looks = if reader.is_between_lines() { side_of(content) } else { None };
        let Some(direction) = direction else { return looks };
        match looks {
            Some(Side::Client) => self.client = Some(direction),
            // A client can send what looks like a reply, a server never what looks like a command.
            Some(Side::Server) if self.client.is_none() => self.client = Some(other(direction)),
            _ => {}
        }
        let client = self.client.unwrap_or(self.client_by_event);
        Some(if direction == client { Side::Client } else { Side::Server })
    }

    /// Reads the session as `protocol` from here on, and what came early first.
    fn read_as(&mut self, store: &mut Store, protocol: EmailProtocol) -> io::Result<()> {
        if self.protocol.replace(protocol) == Some(protocol) {
            return Ok(());
        }
        let early = match &mut self.reader {
            Reader::Early(early) => std::mem::take(early),
            _ => Vec::new(),
        };
        self.change_reader(store, Reader::of(Some(protocol)))?;
        early
            .iter()
            .try_for_each(|piece| self.application(store, piece.stamp.as_ref(), piece.direction, &piece.content))
    }

    /// The session is not heard any more: what is unfinished is told so.
    pub(super) fn finish(mut self, store: &mut Store) -> io::Result<()> {
        let words = self.contents.finish(store)?;
        self.output.notes(store, None, &words)?;
        if let Reader::Early(_) = self.reader {
            self.read_as(store, EmailProtocol::Smtp)?;
        }
        if let Some(content) = self.segmented.take() {
            store.summary.segment_faults += 1;
            if !content.is_empty() {
                self.output.packets(store, None, &content)?;
            }
        }
        self.change_reader(store, Reader::Lines)
    }

    /// What the reader so far has not finished is told so.
    fn change_reader(&mut self, store: &mut Store, next: Reader) -> io::Result<()> {
        let (output, mut result) = (&mut self.output, Ok(()));
        std::mem::replace(&mut self.reader, next).finish(&mut |event| {
            if result.is_ok() {
                result = output.found(store, None, event);
            }
        });
        result
    }
}

/// A message that is being written.
struct Message {
    path: PathBuf,
    octets: u64,
    /// Who sends it.
    side: Side,
}

impl Message {
    /// The sender's mark in a transcript.
    fn mark(&self) -> &'static str {
        mark(self.side)
    }
}

fn mark(side: Side) -> &'static str {
    if side == Side::Client { "C" } else { "S" }
}

/// The files of a session.
struct Output {
    stem: String,
    /// The number of the next message's file.
    number: u64,
    open: Option<Message>,
    /// Complete messages whose answer is still to come.
    unanswered: VecDeque<(u64, PathBuf)>,
}

impl Output {
    fn note(
        &mut self,
        store: &mut Store,
        stamp: Option<&MicroSecondTimeStamp>,
        mark: &str,
        words: &str,
    ) -> io::Result<()> {
        let time = stamp.and_then(of_stamp).unwrap_or_else(|| "-".to_owned());
        let path = store.root.join("sessions").join(format!("{}.txt", self.stem));
        store.files.append(&path, format!("{time} {mark}: {words}\n").as_bytes())
    }

    /// What contents of messaging became: files, in parentheses, or remarks.
    fn notes(&mut self, store: &mut Store, stamp: Option<&MicroSecondTimeStamp>, words: &[String]) -> io::Result<()> {
        words.iter().try_for_each(|words| {
            let mark = if words.starts_with('(') { "I" } else { "!" };
            self.note(store, stamp, mark, words)
        })
    }

    /// Lines of a protocol that is not read any further.
    fn lines(
        &mut self,
        store: &mut Store,
        stamp: Option<&MicroSecondTimeStamp>,
        mark: &str,
        content: &[u8],
    ) -> io::Result<()> {
        content.split_inclusive(|octet| *octet == b'\n').try_for_each(|line| {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            self.note(store, stamp, mark, &escape_octets(line.strip_suffix(b"\r").unwrap_or(line)))
        })
    }

    fn found(
        &mut self,
        store: &mut Store,
        stamp: Option<&MicroSecondTimeStamp>,
        event: SmtpEvent<'_>,
    ) -> io::Result<()> {
        match event {
            SmtpEvent::Line { side, octets } => self.note(store, stamp, mark(side), &escape_octets(octets)),
            SmtpEvent::Begin { side, .. } => {
                let path = self.free_path(store);
                // An empty message is one as well.
                store.files.append(&path, b"")?;
                self.open = Some(Message { path, octets: 0, side });
                Ok(())
            }
            SmtpEvent::Octets(octets) => match &mut self.open {
                Some(message) => {
                    message.octets += octets.len() as u64;
                    store.files.append(&message.path, octets)
                }
                None => Ok(()),
            },
            SmtpEvent::Complete(number) => {
                let Some(message) = self.open.take() else { return Ok(()) };
                store.summary.messages += 1;
                let whole = message.path.with_extension("");
                store.files.rename(&message.path, &whole)?;
                let words = format!("(message of {} octets in {})", message.octets, file_name(&whole));
                if self.unanswered.len() >= MAX_UNANSWERED {
                    self.unanswered.pop_front();
                }
                self.unanswered.push_back((number, whole));
                self.note(store, stamp, message.mark(), &words)
            }
            SmtpEvent::Part(_) => {
                let Some(message) = self.open.take() else { return Ok(()) };
                store.summary.message_parts += 1;
                let path = message.path.with_extension("").with_extension("partial.eml");
                store.files.rename(&message.path, &path)?;
                let words = format!("(part of a message, {} octets, in {})", message.octets, file_name(&path));
                self.note(store, stamp, message.mark(), &words)
            }
            SmtpEvent::Abandoned(_) => {
                let Some(message) = self.open.take() else { return Ok(()) };
                store.summary.messages_incomplete += 1;
                let path = message.path.with_extension("").with_extension("incomplete.eml");
                store.files.rename(&message.path, &path)?;
                let words = format!("message not complete: {} octets in {}", message.octets, file_name(&path));
                self.note(store, stamp, "!", &words)
            }
            SmtpEvent::Answered { message, accepted } => {
                let index = self.unanswered.iter().position(|(number, _)| *number == message);
                let Some((_, path)) = index.and_then(|index| self.unanswered.remove(index)) else { return Ok(()) };
                if accepted {
                    return Ok(());
                }
                store.summary.messages -= 1;
                store.summary.messages_refused += 1;
                let refused = path.with_extension("refused.eml");
                store.files.rename(&path, &refused)?;
                self.note(store, stamp, "!", &format!("message refused: now in {}", file_name(&refused)))
            }
        }
    }

    /// The first name for a message that no file has: after a restart there are earlier ones.
    fn free_path(&mut self, store: &Store) -> PathBuf {
        let directory = store.root.join("messages");
        loop {
            let stem = format!("{}-{}", self.stem, self.number);
            self.number += 1;
            let taken = ["eml", "eml.part", "incomplete.eml", "partial.eml", "refused.eml"]
                .iter()
                .any(|extension| directory.join(format!("{stem}.{extension}")).exists());
            if !taken {
                return directory.join(format!("{stem}.eml.part"));
            }
        }
    }

    fn packets(&mut self, store: &mut Store, stamp: Option<&MicroSecondTimeStamp>, content: &[u8]) -> io::Result<()> {
        let path = store.root.join("packets").join(format!("{}.pcap", self.stem));
        store.summary.packets += packets::append(&mut store.files, &path, stamp, content)?;
        Ok(())
    }
}

fn file_name(path: &std::path::Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
