//! What is configured about the handover: who we are to the LEMF (`[handover]`) and each LEMF itself (`[[lemf]]`).

use std::net::SocketAddrV6;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

mod acknowledgement;
mod broker;
mod seconds;
mod spool;
mod tls;

pub use acknowledgement::AcknowledgementSettings;
pub use broker::{BrokerSettings, BrokerTls};
pub(crate) use seconds::seconds;
pub use spool::{SpoolSettings, WhenSpoolFull};
pub use tls::TlsSettings;

/// A setting that cannot be used. It names the setting as the configuration file spells it, and what was expected
/// there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The value of one setting is out of its range or form.
    #[error("{setting}: expected {expected}")]
    Invalid {
        /// The setting: `handover.operator_identifier`, `lemf.lea-1.address`.
        setting: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// Two `[[lemf]]` have the same name, so a warrant could not tell them apart.
    #[error("lemf.{name}: expected a name that no other [[lemf]] has")]
    DuplicateLemf {
        /// The name.
        name: String,
    },
}

/// `[handover]`: what every PDU's header says about this operator, and how PDUs are numbered and cut.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandoverSettings {
    /// `operatorIdentifier`, 1 to 16 octets (TS 102 232-1, `NetworkIdentifier`).
    pub operator_identifier: String,
    /// `networkElementIdentifier`, 1 to 16 octets.
    #[serde(default)]
    pub network_element_identifier: Option<String>,
    /// `deliveryCountryCode`: two letters.
    #[serde(default)]
    pub delivery_country: Option<String>,
    /// `interceptionPointID`: a PrintableString of 1 to 8 characters.
    #[serde(default)]
    pub interception_point: Option<String>,
    /// What `sequenceNumber` counts along.
    #[serde(default)]
    pub sequence_numbers: Numbering,
    /// Content above this many octets is segmented. 64,000 unless set.
    #[serde(default = "max_content")]
    pub max_content: usize,
}

/// What a sequence number counts along. IRI and CC are counted apart in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Numbering {
    /// From 0 for each (LIID, CIN).
    #[default]
    PerCin,
    /// From 0 for each LIID. The count is not kept across a restart: it begins at 0 then.
    PerLiid,
}

fn max_content() -> usize {
    64_000
}

/// The settings of a replay without a configuration file. A live run has to say who its operator is.
impl Default for HandoverSettings {
    fn default() -> Self {
        Self {
            operator_identifier: "WRIT".to_owned(),
            network_element_identifier: None,
            delivery_country: None,
            interception_point: None,
            sequence_numbers: Numbering::default(),
            max_content: max_content(),
        }
    }
}

impl HandoverSettings {
    /// What distinguishes this appliance from others that put PDUs into the same broker: what distinguishes its CINs as
    /// well.
    ///
    /// # Errors
    /// When there is none.
    pub fn appliance(&self) -> Result<String, SettingsError> {
        self.network_element_identifier.clone().ok_or_else(|| SettingsError::Invalid {
            setting: "handover.network_element_identifier".to_owned(),
            expected: "1 to 16 octets that no other appliance has: with [lemf.broker] they name this one",
        })
    }

    /// Checks what the types do not.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let identifier = "1 to 16 octets";
        check("handover.operator_identifier", within(&self.operator_identifier, 16), identifier)?;
        check(
            "handover.network_element_identifier",
            self.network_element_identifier.as_deref().is_none_or(|id| within(id, 16)),
            identifier,
        )?;
        check(
            "handover.delivery_country",
            self.delivery_country.as_deref().is_none_or(is_country),
            "a country code of two letters (A to Z)",
        )?;
        check(
            "handover.interception_point",
            self.interception_point.as_deref().is_none_or(|id| within(id, 8) && id.bytes().all(is_printable)),
            "1 to 8 characters of a PrintableString: A-Z a-z 0-9 space ' ( ) + , - . / : = ?",
        )?;
        // Above 1 MiB a piece would be no smaller than the buffers of many a receiver; below 512 octets the header
        // outweighs it.
        check("handover.max_content", (512..=1 << 20).contains(&self.max_content), "octets, 512 to 1048576")
    }
}

/// The version of the ASN.1 modules that an LEMF is served with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ProfileSetting {
    /// EmailPDU 20, LI-PS-PDU 43.
    #[default]
    #[serde(rename = "current")]
    Current,
    /// EmailPDU 9, LI-PS-PDU 14: TS 102 232-2 V3.3.1.
    #[serde(rename = "v3.3.1")]
    V331,
}

/// One `[[lemf]]`: a law enforcement monitoring facility and how it is served.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LemfSettings {
    /// What warrants call it.
    pub name: String,
    /// `HOST:PORT` of both interfaces, where they are not given apart. Each has a connection of its own even so.
    #[serde(default)]
    pub address: Option<String>,
    /// `HOST:PORT` of HI2 (IRI).
    #[serde(default)]
    pub hi2: Option<String>,
    /// `HOST:PORT` of HI3 (CC).
    #[serde(default)]
    pub hi3: Option<String>,
    /// The module versions to speak.
    #[serde(default)]
    pub profile: ProfileSetting,
    /// Times of the keep-alive.
    #[serde(default)]
    pub keep_alive: KeepAliveSettings,
    /// Seconds between attempts to connect, after the first at once. 30 unless set.
    #[serde(default = "retry", deserialize_with = "seconds")]
    pub retry: Duration,
    /// Octets that each interface holds while its connection is away or slow. 64 MiB unless set. HI2 and HI3 have a
    /// buffer each, so that content never crowds out IRI.
    #[serde(default = "buffer")]
    pub buffer: usize,
    /// TLS around the connections. None: plain TCP.
    #[serde(default)]
    pub tls: Option<TlsSettings>,
    /// The spool on disk. None: what waits is in memory alone.
    #[serde(default)]
    pub spool: Option<SpoolSettings>,
    /// The broker that PDUs go to in place of a spool, and mediators take them from. None: they go to the LEMF from here.
    #[serde(default)]
    pub broker: Option<BrokerSettings>,
    /// Whether the LEMF is asked to acknowledge PDUs, and when. None: what TCP acknowledges has to do.
    #[serde(default)]
    pub acknowledgement: Option<AcknowledgementSettings>,
}

/// Times of the keep-alive, in seconds (TS 102 232-1: TIME1, TIME2, TIME3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeepAliveSettings {
    /// TIME1: after so long without a PDU a keep-alive goes. The standard wants 120 to 360 s; any positive time is
    /// taken, since bilateral agreements and tests differ from it. 180 unless set.
    #[serde(deserialize_with = "seconds")]
    pub time1: Duration,
    /// TIME2: the response is expected by then; a later one is counted. 30 unless set.
    #[serde(deserialize_with = "seconds")]
    pub time2: Duration,
    /// TIME3: without a response by then the connection is closed and opened anew. 60 unless set.
    #[serde(deserialize_with = "seconds")]
    pub time3: Duration,
}

impl Default for KeepAliveSettings {
    fn default() -> Self {
        Self { time1: Duration::from_secs(180), time2: Duration::from_secs(30), time3: Duration::from_secs(60) }
    }
}

/// The most that a buffer may hold: 1 TiB.
const MOST_BUFFER: u64 = 1 << 40;

fn retry() -> Duration {
    Duration::from_secs(30)
}

fn buffer() -> usize {
    64 << 20
}

impl LemfSettings {
    /// An LEMF at one address, everything else as it is unless set.
    pub fn at(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            address: Some(address.into()),
            hi2: None,
            hi3: None,
            profile: ProfileSetting::default(),
            keep_alive: KeepAliveSettings::default(),
            retry: retry(),
            buffer: buffer(),
            tls: None,
            spool: None,
            broker: None,
            acknowledgement: None,
        }
    }

    /// The same LEMF, both interfaces at another address: `replay --lemf HOST:PORT`. Without its spool and its broker, for
    /// what waits there is for the LEMF itself.
    #[must_use]
    pub fn redirected(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self.hi2 = None;
        self.hi3 = None;
        self.spool = None;
        self.broker = None;
        self
    }

    /// `HOST:PORT` of HI2; empty only in settings that [`validate`](Self::validate) refuses.
    pub fn hi2_address(&self) -> &str {
        self.hi2.as_deref().or(self.address.as_deref()).unwrap_or_default()
    }

    /// `HOST:PORT` of HI3; empty only in settings that [`validate`](Self::validate) refuses.
    pub fn hi3_address(&self) -> &str {
        self.hi3.as_deref().or(self.address.as_deref()).unwrap_or_default()
    }

    /// Checks what the types do not.
    pub fn validate(&self) -> Result<(), SettingsError> {
        check("lemf.name", !self.name.is_empty() && self.name.len() <= 64, "a name of 1 to 64 octets")?;
        let at = |setting: &str| format!("lemf.{}.{setting}", self.name);
        let host_port = "HOST:PORT, an IPv6 address in brackets";
        for (setting, address) in [("address", &self.address), ("hi2", &self.hi2), ("hi3", &self.hi3)] {
            check(at(setting), address.as_deref().is_none_or(is_host_port), host_port)?;
        }
        let apart = self.hi2.is_some() && self.hi3.is_some();
        check(at("address"), self.address.is_some() || apart, "an address for both interfaces, or hi2 and hi3")?;
        let KeepAliveSettings { time1, time2, time3 } = self.keep_alive;
        for (setting, time) in [
            ("keep_alive.time1", time1),
            ("keep_alive.time2", time2),
            ("keep_alive.time3", time3),
            ("retry", self.retry),
        ] {
            check(
                at(setting),
                !time.is_zero() && time <= Duration::from_secs(86_400),
                "seconds, above 0 and at most 86400",
            )?;
        }
        check(at("keep_alive.time3"), time2 <= time3, "seconds, no fewer than keep_alive.time2")?;
        // Memory, from which the length of each PDU is taken: no machine has more.
        let buffer_good = (1 << 20..=MOST_BUFFER).contains(&(self.buffer as u64));
        check(at("buffer"), buffer_good, "octets, 1048576 to 1099511627776")?;
        self.tls.as_ref().map_or(Ok(()), |tls| self.validate_tls(tls))?;
        self.spool.as_ref().map_or(Ok(()), |spool| self.validate_spool(spool))?;
        self.broker.as_ref().map_or(Ok(()), |broker| self.validate_broker(broker))?;
        self.acknowledgement.as_ref().map_or(Ok(()), |settings| self.validate_acknowledgement(settings))
    }

    fn validate_acknowledgement(&self, settings: &AcknowledgementSettings) -> Result<(), SettingsError> {
        let has_it = self.profile == ProfileSetting::Current;
        check(
            format!("lemf.{}.acknowledgement", self.name),
            has_it,
            "profile \"current\": \"v3.3.1\" has no acknowledgement of PDUs",
        )?;
        let at = |setting: &str| format!("lemf.{}.acknowledgement.{setting}", self.name);
        check(at("pdus"), (1..=100_000).contains(&settings.pdus), "PDUs, 1 to 100000")?;
        let up_to = |time: Duration, seconds| !time.is_zero() && time <= Duration::from_secs(seconds);
        check(at("interval"), up_to(settings.interval, 60), "seconds, above 0 and at most 60")?;
        check(at("answer"), up_to(settings.answer, 3600), "seconds, above 0 and at most 3600")
    }

    fn validate_spool(&self, spool: &SpoolSettings) -> Result<(), SettingsError> {
        let at = |setting: &str| format!("lemf.{}.spool.{setting}", self.name);
        check(at("folder"), !spool.folder.as_os_str().is_empty(), "the path of a folder")?;
        check(at("key"), !spool.key.as_os_str().is_empty(), "the path of a file")?;
        for (setting, octets) in [("iri", spool.iri), ("cc", spool.cc)] {
            check(at(setting), (1 << 20..=1 << 50).contains(&octets), "octets, 1048576 to 1125899906842624")?;
        }
        let interval_good = spool.sync_interval <= Duration::from_secs(10);
        check(at("sync_interval"), interval_good, "seconds, at most 10")?;
        check(at("sync_pdus"), (1..=1 << 20).contains(&spool.sync_pdus), "PDUs, 1 to 1048576")
    }

    fn validate_broker(&self, broker: &BrokerSettings) -> Result<(), SettingsError> {
        let name = format!("lemf.{}.broker", self.name);
        check(name.clone(), self.spool.is_none(), "no [lemf.spool] beside it: PDUs wait in one of the two")?;
        broker.validate(&name)
    }

    fn validate_tls(&self, tls: &TlsSettings) -> Result<(), SettingsError> {
        let at = |setting: &str| format!("lemf.{}.tls.{setting}", self.name);
        for (setting, path) in [("ca", &tls.ca), ("certificate", &tls.certificate), ("key", &tls.key)] {
            check(at(setting), !path.as_os_str().is_empty(), "the path of a file")?;
        }
        let named = [self.hi2_address(), self.hi3_address()].map(|address| tls.expected_name(address).is_some());
        check(at("server_name"), named == [true; 2], "the name or the IP address in the LEMF's certificate")
    }
}

/// Checks every LEMF, and that no two have one name.
pub fn validate_lemfs(lemfs: &[LemfSettings]) -> Result<(), SettingsError> {
    let mut names = std::collections::HashSet::new();
    for lemf in lemfs {
        lemf.validate()?;
        if !names.insert(lemf.name.as_str()) {
            return Err(SettingsError::DuplicateLemf { name: lemf.name.clone() });
        }
    }
    Ok(())
}

fn check(setting: impl Into<String>, holds: bool, expected: &'static str) -> Result<(), SettingsError> {
    if holds { Ok(()) } else { Err(SettingsError::Invalid { setting: setting.into(), expected }) }
}

fn within(text: &str, octets: usize) -> bool {
    (1..=octets).contains(&text.len())
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())
}

/// A character of ASN.1's PrintableString (X.680 §41.4).
fn is_printable(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet)
}

/// Whether this is `HOST:PORT` with a port above 0, an IPv6 address in brackets.
pub fn is_host_port(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let host_good = if host.starts_with('[') { address.parse::<SocketAddrV6>().is_ok() } else { is_host(host) };
    host_good && port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// Whether this can be an IPv4 address or a name that is looked up (RFC 1123 §2.1, and `_`, which names in use have).
fn is_host(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let good = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
    host.len() <= 253 && host.split('.').all(|label| !label.is_empty() && label.bytes().all(good))
}

#[cfg(test)]
mod tests;
