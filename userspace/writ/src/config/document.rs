//! A TOML document with the line of everything in it.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;

/// A parsed file.
pub(super) struct Document<'t> {
    file: &'t Path,
    text: &'t str,
}

/// A table of it, whose keys are taken off one by one, so that at the end those left over are known to be wrong.
pub(super) struct Table<'d, 't> {
    document: &'d Document<'t>,
    name: &'static str,
    at: Range<usize>,
    entries: Vec<Entry<'t>>,
}

/// A key and its value.
pub(super) struct Entry<'t> {
    key: String,
    key_at: Range<usize>,
    value: Spanned<DeValue<'t>>,
}

impl<'t> Document<'t> {
    pub(super) fn new(file: &'t Path, text: &'t str) -> Self {
        Self { file, text }
    }

    /// Parses the text.
    pub(super) fn root(&self) -> Result<Table<'_, 't>, ConfigError> {
        let table = DeTable::parse(self.text).map_err(|error| {
            // The parser's own message is about TOML, not about values; but it may quote one.
            self.error(&error.span().unwrap_or(0..0), "expected TOML (key = value, [table], [[table]])")
        })?;
        let at = table.span();
        Ok(self.table("the file", at, table.into_inner()))
    }

    fn table(&self, name: &'static str, at: Range<usize>, table: DeTable<'t>) -> Table<'_, 't> {
        let entries = table
            .into_iter()
            .map(|(key, value)| Entry { key_at: key.span(), key: key.into_inner().into_owned(), value })
            .collect();
        Table { document: self, name, at, entries }
    }

    /// An error at a place.
    pub(super) fn error(&self, at: &Range<usize>, problem: impl Into<String>) -> ConfigError {
        ConfigError::at(self.file, self.line(at.start), problem)
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        before.iter().filter(|&&octet| octet == b'\n').count() + 1
    }
}

impl<'d, 't> Table<'d, 't> {
    /// An error about the table as a whole.
    pub(super) fn error(&self, problem: impl Into<String>) -> ConfigError {
        self.document.error(&self.at, problem)
    }

    /// Where it stands.
    pub(super) fn place(&self) -> Range<usize> {
        self.at.clone()
    }

    /// The file that it stands in.
    pub(super) fn document(&self) -> &'d Document<'t> {
        self.document
    }

    /// Takes a key off.
    pub(super) fn take(&mut self, key: &str) -> Option<Value<'d, 't>> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        let entry = self.entries.swap_remove(at);
        Some(Value { document: self.document, key: entry.key, at: entry.value.span(), value: entry.value.into_inner() })
    }

    /// Takes a key off that must be there.
    pub(super) fn require(&mut self, key: &str, expected: &str) -> Result<Value<'d, 't>, ConfigError> {
        self.take(key).ok_or_else(|| self.error(format!("{key} is missing: expected {expected}")))
    }

    /// Says that nothing is left.
    pub(super) fn finish(self, allowed: &str) -> Result<(), ConfigError> {
        match self.entries.iter().min_by_key(|entry| entry.key_at.start) {
            None => Ok(()),
            Some(entry) => {
                Err(self.document.error(&entry.key_at, format!("unknown key in {}: expected {allowed}", self.name)))
            }
        }
    }
}

/// The value of a key.
pub(super) struct Value<'d, 't> {
    document: &'d Document<'t>,
    key: String,
    at: Range<usize>,
    value: DeValue<'t>,
}

impl<'d, 't> Value<'d, 't> {
    /// An error about it.
    pub(super) fn error(&self, expected: &str) -> ConfigError {
        self.document.error(&self.at, format!("{}: expected {expected}", self.key))
    }

    /// An error about it, in words that name the key.
    pub(super) fn problem(&self, problem: impl Into<String>) -> ConfigError {
        self.document.error(&self.at, problem)
    }

    /// Where it stands.
    pub(super) fn place(&self) -> Range<usize> {
        self.at.clone()
    }

    /// As a string.
    pub(super) fn text(&self, expected: &str) -> Result<&str, ConfigError> {
        match &self.value {
            DeValue::String(text) => Ok(text),
            _ => Err(self.error(expected)),
        }
    }

    /// As true or false.
    pub(super) fn flag(&self) -> Result<bool, ConfigError> {
        match self.value {
            DeValue::Boolean(flag) => Ok(flag),
            _ => Err(self.error("true or false")),
        }
    }

    /// As a date and time with an offset.
    pub(super) fn datetime(&self, expected: &str) -> Result<toml::value::Datetime, ConfigError> {
        match self.value {
            DeValue::Datetime(datetime) => Ok(datetime),
            _ => Err(self.error(expected)),
        }
    }

    /// As a list of tables.
    pub(super) fn tables(self, name: &'static str, expected: &str) -> Result<Vec<Table<'d, 't>>, ConfigError> {
        let wrong = self.error(expected);
        let DeValue::Array(array) = self.value else { return Err(wrong) };
        let document = self.document;
        array
            .into_iter()
            .map(|value| {
                let at = value.span();
                match value.into_inner() {
                    DeValue::Table(table) => Ok(document.table(name, at, table)),
                    _ => Err(document.error(&at, format!("{}: expected {expected}", self.key))),
                }
            })
            .collect()
    }
}
