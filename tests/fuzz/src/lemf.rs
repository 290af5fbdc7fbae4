//! The reference receiver: what it shows of any PDU is safe for a terminal, what it stores stays in its folder, and its reader of
//! transcripts takes any dialogue.

use std::io::{self, Cursor};
use std::ops::ControlFlow;
use std::path::Path;

use tempfile::TempDir;
use writ_lemf::record::{RecordLimits, RecordSettings, Recorder};
use writ_lemf::smtp::{Side, SmtpEvent, SmtpReader, side_of};
use writ_lemf::{decode_reader, show};
use writ_wire::Direction;

use crate::choices::Choices;
use crate::memory;
use crate::pieces::{self, Piece};

/// PDUs of one input that are stored: each costs file system calls.
const MOST_PDUS: usize = 16;
/// What the reader of transcripts may hold, in octets.
const MOST_HELD: usize = 192 << 10;

fn assert_plain(text: &str, but: &[char]) {
    let bad = text.chars().find(|character| character.is_control() && !but.contains(character));
    assert_eq!(bad, None, "a control character is shown");
}

/// Where things are stored, all in one process: each input has a folder of its own in it.
fn folder() -> TempDir {
    // Nothing here needs a disk.
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.expect("a folder")
}

/// Runs an input: PDUs back to back, as they are stored and shown.
pub fn store(input: &[u8]) {
    let mut choices = Choices::new(input);
    let bits = choices.octet();
    let outer = folder();
    let root = outer.path().join("store");
    let limits = RecordLimits { sessions: 2, sequences: 2, files: 2 };
    let settings = RecordSettings { json: bits & 1 != 0, limits, ..RecordSettings::default() };
    let mut recorder = Recorder::open(&root, settings, Box::new(io::sink())).expect("an empty folder can be used");
    let mut left = MOST_PDUS;
    let summary = decode_reader(Cursor::new(choices.rest()), |found| {
        match &found.pdu {
            Ok(pdu) => {
                assert_plain(&show::line(pdu), &[]);
                assert_plain(&show::text(pdu), &['\n']);
                let json = show::json(pdu);
                assert_plain(&show::json_line(&json), &[]);
                let pretty = show::json_pretty(&json);
                assert_plain(&pretty, &['\n']);
                let back: serde_json::Value = serde_json::from_str(&pretty).expect("JSON");
                assert_eq!(back, json, "what is escaped for a terminal is the same JSON");
                recorder.pdu(&found.octets, pdu).expect("a PDU can be stored");
            }
            Err(error) => recorder.malformed(&found.octets, *error).expect("no PDU can be stored either"),
        }
        left -= 1;
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let _ = summary.expect("memory can be read").end.to_string();
    let _ = recorder.finish().expect("a store can be closed");
    assert_eq!(names(outer.path()), ["store"], "nothing is written outside the folder");
    assert!(
        names(&root).iter().all(|name| {
            ["contents", "messages", "packets", "sessions", "pdus.etsi", "malformed.etsi"].contains(&name.as_str())
        }),
        "a file of another name: {:?}",
        names(&root)
    );
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// Runs an input: a dialogue for the reader of transcripts.
pub fn smtp(input: &[u8]) {
    let pieces = pieces::read(&mut Choices::new(input));
    let whole = read(&pieces, usize::MAX);
    let in_octets = read(&pieces, 1);
    // Long lines are told in parts, and octets as they come: what is in messages is what counts.
    assert_eq!(whole, in_octets, "however it is cut");
}

/// The messages: their octets, and what became of them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Messages {
    octets: Vec<Vec<u8>>,
    complete: Vec<u64>,
    abandoned: Vec<u64>,
    answered: Vec<(u64, bool)>,
}

fn read(pieces: &[Piece<'_>], cut: usize) -> Messages {
    let mut messages = Messages::default();
    let mut open = None;
    let mut reader = SmtpReader::default();
    let mut told = 0;
    let before = memory::allocated();
    let mut tell = |event: SmtpEvent<'_>| match event {
        SmtpEvent::Line { octets, .. } => assert!(!octets.contains(&b'\n'), "a line end in a line"),
        SmtpEvent::Begin { message: number, .. } => {
            assert_eq!(open.replace(number), None, "one message at a time");
            assert_eq!(number, messages.octets.len() as u64, "messages are counted");
            messages.octets.push(Vec::new());
        }
        SmtpEvent::Octets(octets) => {
            let number = open.expect("octets are of a message");
            messages.octets[number as usize].extend_from_slice(octets);
            told += octets.len();
        }
        // A part is one of which BURL names octets that are not there.
        SmtpEvent::Complete(number) | SmtpEvent::Part(number) => {
            assert_eq!(open.take(), Some(number));
            messages.complete.push(number);
        }
        SmtpEvent::Abandoned(number) => {
            assert_eq!(open.take(), Some(number));
            messages.abandoned.push(number);
        }
        SmtpEvent::Answered { message, accepted } => {
            assert!(message < messages.octets.len() as u64, "an answer to no message");
            assert!(!accepted || messages.complete.contains(&message), "what is not complete is accepted");
            messages.answered.push((message, accepted));
        }
    };
    for piece in pieces {
        let Piece::Octets(from, octets) = piece else { continue };
        let side = if *from == Direction::FromClient { Side::Client } else { Side::Server };
        let _ = side_of(octets);
        for octets in octets.chunks(cut) {
            reader.octets(side, octets, &mut tell);
            let _ = reader.is_between_lines();
        }
    }
    reader.finish(&mut tell);
    let of_test = 4 * told + 256 * (messages.octets.len() + 1);
    let held = memory::allocated().saturating_sub(before).saturating_sub(of_test);
    assert!(held <= MOST_HELD, "{held} octets held");
    messages
}
