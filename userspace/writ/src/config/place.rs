//! Where a setting stands in a file.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A step on the way from the top of a file to a setting.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// The line of a setting, from 1; of the table that it would be in, if it is not there.
pub(super) fn line_of(text: &str, path: &[Step]) -> usize {
    DeTable::parse(text).map_or(1, |root| line_at(text, find(root.get_ref(), path).start))
}

/// Whether there is no setting in the text.
pub(super) fn says_nothing(text: &str) -> bool {
    let is_empty = |value: &Spanned<DeValue<'_>>| matches!(value.get_ref(), DeValue::Table(table) if table.is_empty());
    DeTable::parse(text).is_ok_and(|root| root.get_ref().iter().all(|(_, value)| is_empty(value)))
}

/// The line of an octet of the text, from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|&&octet| octet == b'\n').count() + 1
}

/// The key that an octet of the text belongs to, with those of the tables around it; empty at the top of the file.
pub(super) fn key_at(text: &str, offset: usize) -> String {
    let mut keys = Vec::new();
    if let Ok(root) = DeTable::parse(text) {
        collect(root.get_ref(), offset, &mut keys);
    }
    keys.join(".")
}

fn find(root: &DeTable<'_>, path: &[Step]) -> Range<usize> {
    let mut at = 0..0;
    let Some((Step::Key(first), rest)) = path.split_first() else { return at };
    let Some((key, mut value)) = root.get_key_value(first.as_str()) else { return at };
    at = key.span();
    for step in rest {
        let inner = match (step, value.get_ref()) {
            (Step::Key(name), DeValue::Table(table)) => {
                table.get_key_value(name.as_str()).map(|(key, value)| (key.span(), value))
            }
            (Step::Index(index), DeValue::Array(list)) => list.get(*index).map(|value| (value.span(), value)),
            _ => None,
        };
        let Some((span, next)) = inner else { break };
        (at, value) = (span, next);
    }
    at
}

fn collect(table: &DeTable<'_>, offset: usize, keys: &mut Vec<String>) {
    for (key, value) in table {
        if key.span().contains(&offset) || holds(value, offset) {
            keys.push(key.get_ref().to_string());
            within(value, offset, keys);
            return;
        }
    }
}

fn within(value: &Spanned<DeValue<'_>>, offset: usize, keys: &mut Vec<String>) {
    match value.get_ref() {
        DeValue::Table(table) => collect(table, offset, keys),
        DeValue::Array(list) => {
            if let Some(value) = list.iter().find(|value| holds(value, offset)) {
                within(value, offset, keys);
            }
        }
        _ => {}
    }
}

/// Whether the octet is part of the value. The span of `[table]` is its header alone.
fn holds(value: &Spanned<DeValue<'_>>, offset: usize) -> bool {
    let inside =
        |table: &DeTable<'_>| table.iter().any(|(key, value)| key.span().contains(&offset) || holds(value, offset));
    value.span().contains(&offset)
        || match value.get_ref() {
            DeValue::Table(table) => inside(table),
            DeValue::Array(list) => list.iter().any(|value| holds(value, offset)),
            _ => false,
        }
}
