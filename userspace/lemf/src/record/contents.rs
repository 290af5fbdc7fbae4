//! Contents of unified messaging: a file for each, put together from its pieces.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use writ_etsi::MessagingCc;

use super::session::Store;

/// Contents of one communication that are put together at a time. Beyond it the next ones are left as they are.
const MOST: usize = 1024;

/// One content of a communication: its event, and its number.
type Name = (u32, Option<u32>);

/// Contents that are not complete.
#[derive(Default)]
pub(super) struct Contents {
    open: HashMap<Name, Open>,
    /// Whether PDUs come between segment flags.
    in_segments: bool,
}

struct Open {
    path: PathBuf,
    octets: u64,
    /// The number of its next piece; `None` of one that has none.
    next: Option<u32>,
    is_last: bool,
}

impl Contents {
    pub(super) fn first_segment(&mut self) {
        self.in_segments = true;
    }

    /// What came between segment flags is complete, but for pieces that follow. Words for the transcript.
    pub(super) fn last_segment(&mut self, store: &mut Store) -> io::Result<Vec<String>> {
        self.in_segments = false;
        let complete = self.open.iter().filter(|(_, open)| open.is_last || open.next.is_none());
        let names: Vec<Name> = complete.map(|(name, _)| *name).collect();
        names.into_iter().filter_map(|name| self.complete(store, name).transpose()).collect()
    }

    /// Takes a piece into its file. Words for the transcript.
    pub(super) fn piece(&mut self, store: &mut Store, stem: &str, cc: &MessagingCc) -> io::Result<Vec<String>> {
        let name = (cc.event_identifier, cc.content_identifier);
        let mut words = Vec::new();
        if !self.open.contains_key(&name) {
            if self.open.len() >= MOST {
                return Ok(vec!["too many contents at a time: see pdus.etsi".to_owned()]);
            }
            let path = free_path(store, stem, name, &cc.content_type);
            let next = cc.sequence_number.map(|_| 0);
            self.open.insert(name, Open { path, octets: 0, next, is_last: false });
        }
        let Some(open) = self.open.get_mut(&name) else { return Ok(words) };
        if let (Some(next), Some(number)) = (&mut open.next, cc.sequence_number) {
            // Between segment flags a piece comes in several.
            let is_more = self.in_segments && number.wrapping_add(1) == *next;
            if number > *next {
                words.push(format!("content of {}: pieces {} to {} are missing", named(name), *next, number - 1));
                store.summary.contents_with_gaps += 1;
            } else if number < *next && !is_more {
                return Ok(vec![format!("content of {}: piece {number} came late: see pdus.etsi", named(name))]);
            }
            *next = number.wrapping_add(1);
        }
        store.files.append(&open.path, &cc.content)?;
        open.octets += cc.content.len() as u64;
        open.is_last |= cc.end_of_sequence;
        if !self.in_segments && (open.is_last || open.next.is_none()) {
            words.extend(self.complete(store, name)?);
        }
        Ok(words)
    }

    fn complete(&mut self, store: &mut Store, name: Name) -> io::Result<Option<String>> {
        let Some(open) = self.open.remove(&name) else { return Ok(None) };
        store.summary.contents += 1;
        let whole = open.path.with_extension("");
        store.files.rename(&open.path, &whole)?;
        Ok(Some(format!("(content of {}, {} octets, in {})", named(name), open.octets, file_name(&whole))))
    }

    /// Nothing more comes: what is not complete is said to be so.
    pub(super) fn finish(&mut self, store: &mut Store) -> io::Result<Vec<String>> {
        std::mem::take(&mut self.open)
            .into_iter()
            .map(|(name, open)| {
                store.summary.contents_incomplete += 1;
                let path = open.path.with_extension("incomplete");
                store.files.rename(&open.path, &path)?;
                Ok(format!(
                    "content of {} is not complete: {} octets in {}",
                    named(name),
                    open.octets,
                    file_name(&path)
                ))
            })
            .collect()
    }
}

fn named((event, content): Name) -> String {
    content.map_or_else(|| format!("event {event}"), |content| format!("event {event}, number {content}"))
}

/// `LIID-CIN-EVENT-CONTENT.TYPE.part`, with a number more where there is one of the name already.
fn free_path(store: &Store, stem: &str, (event, content): Name, content_type: &[u8]) -> PathBuf {
    let directory = store.root.join("contents");
    let content = content.map_or_else(String::new, |content| format!("-{content}"));
    let kind = extension(content_type);
    let named = |again: u32| {
        let again = if again == 0 { String::new() } else { format!(".{again}") };
        directory.join(format!("{stem}-e{event}{content}{again}.{kind}"))
    };
    let is_free = |path: &Path| {
        let beside = |extension: &str| path.with_file_name(format!("{}.{extension}", file_name(path)));
        !path.exists() && !beside("part").exists() && !beside("incomplete").exists()
    };
    let path = (0..1000).map(named).find(|path| is_free(path)).unwrap_or_else(|| named(1000));
    path.with_file_name(format!("{}.part", file_name(&path)))
}

/// The end of a file's name for a MIME type: its subtype, as far as that is letters and digits.
fn extension(content_type: &[u8]) -> String {
    let subtype = content_type.split(|octet| *octet == b';').next().unwrap_or_default();
    let subtype = subtype.rsplit(|octet| *octet == b'/').next().unwrap_or_default();
    let plain = subtype.iter().filter(|octet| octet.is_ascii_alphanumeric()).take(16);
    let plain: String = plain.map(|octet| char::from(octet.to_ascii_lowercase())).collect();
    match plain.as_str() {
        "" => "bin".to_owned(),
        "plain" => "txt".to_owned(),
        _ => plain,
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_names_no_path() {
        for (content_type, expected) in [
            (&b"audio/PCMU;rate=8000"[..], "pcmu"),
            (b"text/plain;charset=utf-8", "txt"),
            (b"application/vnd.ms-excel", "vndmsexcel"),
            (b"a/../../etc/passwd", "passwd"),
            (b"\xff/\x00", "bin"),
            (b"", "bin"),
        ] {
            assert_eq!(extension(content_type), expected);
        }
    }
}
