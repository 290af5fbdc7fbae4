//! The warrants file.
//!
//! Read by hand rather than through serde: serde's messages quote the values they refuse, and the values of this file must
//! not reach a terminal or a log.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use toml::value::Offset;
use writ_intercept::address::Form;
use writ_intercept::record::{CcFormat, Deliver, Mandate};
use writ_intercept::warrant::AuthenticationData;
use writ_intercept::{Target, Warrant, WarrantError};
use writ_wire::{Time, days_since_epoch};

use super::document::{Document, Table, Value};
use super::{ConfigError, read_text};

const KEYS: &str = "liid, authorization_country, start, end, deliver, cc_format, authentication_data, lemf, targets, \
    report_failed_sends, match_case or strip_tag";
const TARGET: &str = "{ email = \"…\" }, { login = \"…\" }, { ip = \"ADDRESS\" or \"PREFIX/LENGTH\" }, { msisdn = \"…\" }, \
    { e164 = \"…\" }, { address = \"…\" } or { box = \"…\", system = \"…\" } (system may be left out)";
const WHEN: &str = "a date and time with an offset, such as 2026-01-01T00:00:00Z";

/// The names of LEMFs that warrants may use.
pub struct Lemfs {
    names: Vec<String>,
    /// Whether a name that is not in the list is added to it: a replay without a configuration.
    open: bool,
}

impl Lemfs {
    /// The LEMFs of a configuration.
    pub fn configured(names: Vec<String>) -> Self {
        Self { names, open: false }
    }

    /// The same, and any other that a warrant names.
    pub fn open(names: Vec<String>) -> Self {
        Self { names, open: true }
    }

    /// All names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn expected(&self) -> &'static str {
        if self.open { "a name of 1 to 64 octets" } else { "the name of a [[lemf]] of the configuration" }
    }

    fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(at) = self.names.iter().position(|known| known == name) {
            return Some(at);
        }
        let usable = self.open && !name.is_empty() && name.len() <= 64;
        usable.then(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }
}

/// Reads a warrants file.
///
/// # Errors
/// The first thing in it that cannot be used, with its line.
pub fn read_warrants(file: &Path, lemfs: &mut Lemfs) -> Result<Vec<Warrant>, ConfigError> {
    let text = read_text(file)?;
    let document = Document::new(file, &text);
    let mut root = document.root()?;
    let tables =
        root.take("warrant").map_or(Ok(Vec::new()), |value| value.tables("[[warrant]]", "[[warrant]] tables"))?;
    root.finish("[[warrant]]")?;
    tables.into_iter().map(|table| warrant(table, lemfs)).collect()
}

fn warrant(mut table: Table<'_, '_>, lemfs: &mut Lemfs) -> Result<Warrant, ConfigError> {
    let liid_at = table.require("liid", "1 to 25 characters")?;
    let liid = liid_at.text("a string")?.to_owned();
    let country_at = table.require("authorization_country", "two letters")?;
    let authorization_country = country_at.text("two letters")?.to_owned();
    let start = time(&table.require("start", WHEN)?)?;
    let end_at = table.require("end", WHEN)?;
    let end = time(&end_at)?;
    let deliver = choice(
        table.require("deliver", "\"iri\" or \"iri+cc\"")?,
        &[("iri", Deliver::Iri), ("iri+cc", Deliver::IriAndCc)],
    )?;
    let cc_format = optional(
        table.take("cc_format"),
        CcFormat::Application,
        &[("application", CcFormat::Application), ("ip-packet", CcFormat::IpPacket)],
    )?;
    let authentication_data = optional(
        table.take("authentication_data"),
        AuthenticationData::Username,
        &[
            ("none", AuthenticationData::None),
            ("username", AuthenticationData::Username),
            ("full", AuthenticationData::Full),
        ],
    )?;
    let name = table.require("lemf", "the name of an LEMF")?;
    let lemf = lemfs.place(name.text("the name of an LEMF")?).ok_or_else(|| name.error(lemfs.expected()))?;
    let mut flag = |key: &str| table.take(key).map_or(Ok(false), |value| value.flag());
    let (report_failed_sends, match_case, strip_tag) =
        (flag("report_failed_sends")?, flag("match_case")?, flag("strip_tag")?);
    let targets = table.require("targets", "a list of targets")?;
    let targets_at = targets.place();
    let targets = targets.tables("a target", TARGET)?;
    let targets = targets.into_iter().map(target).collect::<Result<_, _>>()?;
    let warrant = Warrant {
        mandate: Arc::new(Mandate { liid, authorization_country, lemf }),
        start,
        end,
        deliver,
        cc_format,
        authentication_data,
        report_failed_sends,
        form: Form { match_case, strip_tag },
        targets,
        revoked: AtomicBool::new(false),
    };
    warrant.check().map_err(|error| match error {
        WarrantError::Liid => liid_at.problem(error.to_string()),
        WarrantError::Country => country_at.problem(error.to_string()),
        WarrantError::Interval => end_at.problem(error.to_string()),
        _ => table.document().error(&targets_at, error.to_string()),
    })?;
    table.finish(KEYS)?;
    Ok(warrant)
}

fn target(table: Table<'_, '_>) -> Result<Target, ConfigError> {
    let at = table.place();
    let (target, document) = read_target(table)?;
    target.check().map_err(|error| document.error(&at, error.to_string()))?;
    Ok(target)
}

fn read_target<'d, 't>(mut table: Table<'d, 't>) -> Result<(Target, &'d Document<'t>), ConfigError> {
    let document = table.document();
    let wrong = table.error(format!("targets: expected {TARGET}"));
    let kinds = ["email", "login", "ip", "msisdn", "e164", "address", "box"];
    let mut found: Vec<_> = kinds.into_iter().filter_map(|kind| table.take(kind).map(|value| (kind, value))).collect();
    let is_box = found.iter().any(|(kind, _)| *kind == "box");
    let system = if is_box { table.take("system") } else { None };
    table.finish(TARGET)?;
    let (Some((kind, value)), true) = (found.pop(), found.is_empty()) else { return Err(wrong) };
    let target = match kind {
        "email" => Target::Email(value.text("local-part@domain")?.to_owned()),
        "login" => Target::Login(value.text("a string")?.to_owned()),
        "ip" => {
            let text = value.text("an IP address or prefix")?;
            prefix(text).ok_or_else(|| value.error("an IP address, or a prefix such as \"192.0.2.0/24\""))?
        }
        "address" => Target::Address(value.text("name@domain")?.to_owned()),
        "box" => {
            let system = system.as_ref().map(|system| system.text("a string")).transpose()?.map(str::to_owned);
            Target::Box { identifier: value.text("a string")?.to_owned(), system }
        }
        _ => Target::Number(value.text("an international number")?.to_owned()),
    };
    Ok((target, document))
}

fn prefix(text: &str) -> Option<Target> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let width: u8 = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Some(width), |length| length.parse().ok().filter(|length| *length <= width))?;
    // An IPv4 address in IPv6 clothes (RFC 4291 §2.5.5.2) is the IPv4 address: that is what a packet has.
    match (address, length.checked_sub(96)) {
        (IpAddr::V6(v6), Some(length)) if v6.to_ipv4_mapped().is_some() => {
            Some(Target::Ip(address.to_canonical(), length))
        }
        _ => Some(Target::Ip(address, length)),
    }
}

fn choice<T: Copy>(value: Value<'_, '_>, choices: &[(&str, T)]) -> Result<T, ConfigError> {
    let expected = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let text = value.text(&expected)?;
    choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or_else(|| value.error(&expected))
}

fn optional<T: Copy>(value: Option<Value<'_, '_>>, default: T, choices: &[(&str, T)]) -> Result<T, ConfigError> {
    value.map_or(Ok(default), |value| choice(value, choices))
}

/// A date and time with an offset, as time since the epoch.
fn time(value: &Value<'_, '_>) -> Result<Time, ConfigError> {
    let datetime = value.datetime(WHEN)?;
    let parts = (datetime.date, datetime.time, datetime.offset);
    let (Some(date), Some(time), Some(offset)) = parts else { return Err(value.error(WHEN)) };
    let days = days_since_epoch(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let seconds =
        days * 86_400 + i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0))
            - minutes * 60;
    let seconds = u64::try_from(seconds).map_err(|_| value.error("a time after 1970"))?;
    Ok(Time::from_parts(seconds, time.nanosecond.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[warrant]]
liid = "MAIL-0001"
authorization_country = "NL"
start = 2026-01-01T00:00:00Z
end = 2026-12-31T00:00:00+01:00
deliver = "iri+cc"
cc_format = "application"
authentication_data = "username"
lemf = "lea-1"
targets = [{ email = "alice@example.org" }, { login = "alice" }, { ip = "192.0.2.10" }, { ip = "2001:db8:1::/64" },
    { msisdn = "+31 6 12345678" }, { e164 = "31201234567" }, { address = "alice@ims.example" }, { box = "1001" }, { box = "7", system = "vm" }]
"#;

    fn read(text: &str) -> Result<Vec<Warrant>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut lemfs = Lemfs::configured(vec!["lea-1".into()]);
        let path = file.path().display().to_string();
        read_warrants(file.path(), &mut lemfs).map_err(|error| error.to_string().replace(&path, "W"))
    }

    #[test]
    fn a_warrant_is_read_whole() {
        let warrants = read(GOOD).unwrap();
        let [warrant] = &warrants[..] else { panic!() };
        assert_eq!(warrant.start, Time::from_parts(1_767_225_600, 0));
        assert_eq!(warrant.end, Time::from_parts(1_798_671_600, 0));
        assert_eq!((warrant.deliver, warrant.targets.len()), (Deliver::IriAndCc, 9));
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn without_a_configuration_an_lemf_has_any_name_but_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (name, good) in [("anywhere", true), ("", false), (&*"x".repeat(65), false)] {
            std::fs::write(file.path(), GOOD.replace("\"lea-1\"", &format!("\"{name}\""))).unwrap();
            let read = read_warrants(file.path(), &mut Lemfs::open(Vec::new())).map_err(|error| error.to_string());
            assert_eq!(read.is_ok(), good);
            assert!(good || read.unwrap_err().ends_with(":10: lemf: expected a name of 1 to 64 octets"));
        }
    }

    #[test]
    fn a_file_is_text_of_a_bounded_length() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"# 1\n# \xff\n").unwrap();
        let read = |path: &Path| read_warrants(path, &mut Lemfs::open(Vec::new())).map_err(|error| error.to_string());
        assert!(read(file.path()).unwrap_err().ends_with(":2: expected UTF-8"));
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err(), "/dev/zero:1: expected a file of at most 64 MiB");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (date, days) in [
            ((1970, 1, 1), 0),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((2026, 11, 22), 20_779),
            ((2100, 3, 1), 47_541),
        ] {
            assert_eq!(days_since_epoch(date.0, date.1, date.2), days);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_without_its_value() {
        for (from, to, expected) in [
            ("\"MAIL-0001\"", "\"MAIL 0001\"", "W:3: liid: expected 1 to 25 characters of a-z A-Z 0-9 - _ ."),
            ("\"NL\"", "\"nl\"", "W:4: authorization_country: expected two capital letters (ISO 3166-1)"),
            (
                "2026-01-01T00:00:00Z",
                "2026-01-01",
                "W:5: start: expected a date and time with an offset, such as 2026-01-01T00:00:00Z",
            ),
            ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "W:6: end: expected a time after start"),
            ("\"iri+cc\"", "\"all\"", "W:7: deliver: expected \"iri\", \"iri+cc\""),
            ("deliver = \"iri+cc\"", "", "W:2: deliver is missing: expected \"iri\" or \"iri+cc\""),
            ("\"lea-1\"", "\"lea-2\"", "W:10: lemf: expected the name of a [[lemf]] of the configuration"),
            ("192.0.2.10", "192.0.2.1000", "W:11: ip: expected an IP address, or a prefix such as \"192.0.2.0/24\""),
            (
                "192.0.2.10",
                "192.0.2.10/24",
                "W:11: targets: ip: expected an address, or a prefix with no bits set past its length",
            ),
            ("alice@example.org", "alice", "W:11: targets: email: expected local-part@domain"),
            ("alice@example.org", "alice@exa mple..org", "W:11: targets: email: expected local-part@domain"),
            ("targets = [", "targets = []\nold = [", "W:11: targets: expected at least one"),
            ("login = \"alice\"", "phone = \"alice\"", "W:11: unknown key in a target: expected "),
            ("+31 6 12345678", "0612345678", "W:12: targets: msisdn, e164: expected an international number"),
            ("box = \"1001\"", "box = \"\"", "W:12: targets: box, system: expected 1 to 255"),
            ("box = \"1001\"", "msisdn = \"31612345678\", system = \"vm\"", "W:12: unknown key in a target"),
            ("box = \"1001\"", "box = \"1001\", login = \"x\"", "W:12: targets: expected "),
            ("deliver", "delivver", "W:2: deliver is missing"),
            ("lemf =", "lemf = \"x\"\nlemmf =", "W:10: lemf: expected the name"),
            ("\"NL\"", "\"NL", "W:4: expected TOML"),
        ] {
            let error = read(&GOOD.replacen(from, to, 1)).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
            for secret in ["alice", "192.0.2", "MAIL", "1000"] {
                assert!(!error.replace("192.0.2.0/24", "").contains(secret), "{error}");
            }
        }
    }
}
