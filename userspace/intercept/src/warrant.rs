//! A warrant: what is to be intercepted, when, and what may be handed over.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashMap;
use writ_mail::sasl::Keep;
use writ_wire::Time;
use zeroize::Zeroize;

use crate::address::{self, Form};
use crate::messaging::{Number, SecretGrant};
use crate::record::{CcFormat, ContentGrant, Deliver, Mandate};

/// Who is to be intercepted. Zeroised when dropped.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// A mail address, as sender, as recipient, or as what somebody logs in with.
    Email(String),
    /// What somebody logs in with.
    Login(String),
    /// The client's address, or the prefix that it lies in, with the prefix's length in bits.
    Ip(IpAddr, u8),
    /// In messaging: an international telephone number, as MSISDN or otherwise, as somebody wrote it.
    Number(String),
    /// In messaging: what a party is known by that has the form of a mail address, as in a SIP URI.
    Address(String),
    /// In messaging: a message box.
    Box {
        /// `box-identifier`, as its system writes it.
        identifier: String,
        /// `system-identifier`; any system's box of this name where there is none.
        system: Option<String>,
    },
}

impl Drop for Target {
    fn drop(&mut self) {
        match self {
            Self::Email(text) | Self::Login(text) | Self::Number(text) | Self::Address(text) => text.zeroize(),
            Self::Box { identifier, .. } => identifier.zeroize(),
            Self::Ip(..) => {}
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Target(..)")
    }
}

/// How much of the authentication data goes along: `authentication_data` in a warrant's TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationData {
    /// None of it.
    None,
    /// The user name, the method and the result.
    Username,
    /// All of it, passwords and their like too.
    Full,
}

impl AuthenticationData {
    /// What of an AUTH exchange may be shown in content.
    pub(crate) fn keep(self) -> Keep {
        match self {
            Self::None => Keep::Nothing,
            Self::Username => Keep::Username,
            Self::Full => Keep::Everything,
        }
    }
}

/// One warrant.
#[derive(Debug)]
pub struct Warrant {
    /// What its records carry of it.
    pub mandate: Arc<Mandate>,
    /// The first instant that it covers.
    pub start: Time,
    /// The first instant that it no longer covers.
    pub end: Time,
    /// What may be handed over.
    pub deliver: Deliver,
    /// The form in which content is handed over.
    pub cc_format: CcFormat,
    /// How much of the authentication data goes along.
    pub authentication_data: AuthenticationData,
    /// Whether messages that the server did not accept are told (annex A.2.2 leaves them for further study).
    pub report_failed_sends: bool,
    /// How addresses and logins are compared.
    pub form: Form,
    /// Who is intercepted.
    pub targets: Vec<Target>,
    /// Set when the warrant is taken back or replaced: sessions that it covers are left at once.
    pub revoked: AtomicBool,
}

/// What is wrong with a warrant. Names the setting, never its value: a warrant is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WarrantError {
    /// TS 102 232-1: `lawfulInterceptionIdentifier`.
    #[error("liid: expected 1 to 25 characters of a-z A-Z 0-9 - _ .")]
    Liid,
    /// ISO 3166-1, as `authorizationCountryCode` holds it.
    #[error("authorization_country: expected two capital letters (ISO 3166-1)")]
    Country,
    /// The interval is empty.
    #[error("end: expected a time after start")]
    Interval,
    /// No target.
    #[error("targets: expected at least one")]
    NoTarget,
    /// A target that is no mail address.
    #[error("targets: email: expected local-part@domain")]
    Email,
    /// An empty login.
    #[error("targets: login: expected a name, without white space around it")]
    Login,
    /// A prefix longer than the address, or with bits set past its length.
    #[error("targets: ip: expected an address, or a prefix with no bits set past its length")]
    Prefix,
    /// A number that is not international.
    #[error("targets: msisdn, e164: expected an international number of 7 to 15 digits, such as +31 6 1234 5678")]
    Number,
    /// A target that has not the form of a mail address.
    #[error("targets: address: expected name@domain")]
    Address,
    /// A box or a system without a name, or with one that no event could have.
    #[error("targets: box, system: expected 1 to 255 and 1 to 64 octets, without control characters")]
    Box,
}

impl Warrant {
    /// Checks what a type cannot.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), WarrantError> {
        let liid = &self.mandate.liid;
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
        if liid.is_empty() || liid.len() > 25 || !liid.bytes().all(allowed) {
            return Err(WarrantError::Liid);
        }
        let country = &self.mandate.authorization_country;
        if country.len() != 2 || !country.bytes().all(|octet| octet.is_ascii_uppercase()) {
            return Err(WarrantError::Country);
        }
        if self.start >= self.end {
            return Err(WarrantError::Interval);
        }
        if self.targets.is_empty() {
            return Err(WarrantError::NoTarget);
        }
        self.targets.iter().try_for_each(Target::check)
    }

    /// Whether something captured at `time` lies in [start, end), and the warrant still stands.
    pub fn covers(&self, time: Time) -> bool {
        // Relaxed: nothing else is read on the strength of it.
        self.start <= time && time < self.end && !self.revoked.load(Ordering::Relaxed)
    }

    /// Whether two warrants say the same, so that one can go on as the other.
    fn says_the_same(&self, other: &Self) -> bool {
        let words = |warrant: &Self| {
            let Self { start, end, deliver, cc_format, authentication_data, report_failed_sends, form, .. } = *warrant;
            (start, end, deliver, cc_format, authentication_data, report_failed_sends, form)
        };
        self.mandate == other.mandate && words(self) == words(other) && self.targets == other.targets
    }

    /// The warrants of a new file in place of those in force: one that says the same goes on, with the sessions that it
    /// covers; one that is gone, or says something else, is revoked.
    pub fn replace(in_force: &[Arc<Self>], new: Vec<Self>) -> Vec<Arc<Self>> {
        let mut left: HashMap<&str, Vec<&Arc<Self>>> = HashMap::new();
        for old in in_force {
            left.entry(&old.mandate.liid).or_default().push(old);
        }
        let next = new
            .into_iter()
            .map(|warrant| {
                let same_liid = left.get_mut(warrant.mandate.liid.as_str());
                let same = same_liid.and_then(|old| {
                    let at = old.iter().position(|old| old.says_the_same(&warrant))?;
                    Some(Arc::clone(old.swap_remove(at)))
                });
                same.unwrap_or_else(|| Arc::new(warrant))
            })
            .collect();
        for old in left.into_values().flatten() {
            old.revoked.store(true, Ordering::Relaxed);
        }
        next
    }

    /// The right to hand over PINs and passwords of messaging, if the warrant gives it.
    pub fn secret_grant(&self) -> Option<SecretGrant> {
        SecretGrant::of(self.authentication_data)
    }

    /// The right to hand over content, if the warrant gives it.
    pub fn grant(&self) -> Option<ContentGrant> {
        ContentGrant::of(self.deliver)
    }

    /// The right to hand over content in this form, if the warrant gives it.
    pub(crate) fn grant_for(&self, format: CcFormat) -> Option<ContentGrant> {
        self.grant().filter(|_| self.cc_format == format)
    }
}

impl Target {
    /// Checks what a type cannot: a target that could never match is a mistake.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(&self) -> Result<(), WarrantError> {
        match self {
            Self::Email(email) => {
                if is_address(email) {
                    Ok(())
                } else {
                    Err(WarrantError::Email)
                }
            }
            Self::Address(address) => {
                if is_address(address) {
                    Ok(())
                } else {
                    Err(WarrantError::Address)
                }
            }
            Self::Number(number) => Number::parse(number).map(drop).ok_or(WarrantError::Number),
            Self::Box { identifier, system } => {
                let fits =
                    |text: &str, most: usize| (1..=most).contains(&text.len()) && !text.contains(char::is_control);
                let plain = fits(identifier, 255) && system.as_deref().is_none_or(|system| fits(system, 64));
                if plain { Ok(()) } else { Err(WarrantError::Box) }
            }
            Self::Login(login) => {
                let plain = !login.is_empty() && login.trim() == login;
                if plain { Ok(()) } else { Err(WarrantError::Login) }
            }
            Self::Ip(address, length) => {
                let (bits, width) = match address {
                    IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
                    IpAddr::V6(address) => (address.to_bits(), 128),
                };
                let host_bits = u128::MAX.checked_shr(u32::from(*length)).unwrap_or(0);
                if *length <= width && bits & host_bits == 0 { Ok(()) } else { Err(WarrantError::Prefix) }
            }
        }
    }
}

/// Whether it has the form of a mail address and nothing around it.
fn is_address(text: &str) -> bool {
    let unlikely = |character: char| character.is_control() || character == '<' || character == '>';
    let plain = text.trim() == text && !text.contains(unlikely);
    address::split(text).is_some_and(|(_, domain)| address::is_domain(domain)) && plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warrant(targets: Vec<Target>) -> Warrant {
        Warrant {
            mandate: Arc::new(Mandate { liid: "L-1".into(), authorization_country: "NL".into(), lemf: 0 }),
            start: Time::from_nanos(10),
            end: Time::from_nanos(20),
            deliver: Deliver::Iri,
            cc_format: CcFormat::Application,
            authentication_data: AuthenticationData::Username,
            report_failed_sends: false,
            form: Form::default(),
            targets,
            revoked: AtomicBool::new(false),
        }
    }

    #[test]
    fn the_interval_is_half_open() {
        let warrant = warrant(vec![]);
        let covered: Vec<u64> = (0..30).filter(|&nanos| warrant.covers(Time::from_nanos(nanos))).collect();
        assert_eq!(covered, (10..20).collect::<Vec<_>>());
    }

    #[test]
    fn targets_are_checked() {
        let ip = |text: &str, length| Target::Ip(text.parse().unwrap(), length);
        for (target, expected) in [
            (Target::Email("a@b".into()), Ok(())),
            (Target::Email("a@[192.0.2.1]".into()), Ok(())),
            (Target::Email("a b@bücher.example.".into()), Ok(())),
            (Target::Email("a@exa mple.org".into()), Err(WarrantError::Email)),
            (Target::Email("a@example..org".into()), Err(WarrantError::Email)),
            (Target::Email("a".into()), Err(WarrantError::Email)),
            (Target::Email("<a@b>".into()), Err(WarrantError::Email)),
            (Target::Email(" a@b".into()), Err(WarrantError::Email)),
            (Target::Login(String::new()), Err(WarrantError::Login)),
            (Target::Login(" ".into()), Err(WarrantError::Login)),
            (ip("192.0.2.0", 24), Ok(())),
            (ip("192.0.2.1", 32), Ok(())),
            (ip("192.0.2.1", 24), Err(WarrantError::Prefix)),
            (ip("192.0.2.0", 33), Err(WarrantError::Prefix)),
            (ip("2001:db8::", 32), Ok(())),
            (ip("2001:db8::1", 128), Ok(())),
            (ip("2001:db8::1", 64), Err(WarrantError::Prefix)),
            (ip("::", 0), Ok(())),
            (Target::Number("+31 6 1234 5678".into()), Ok(())),
            (Target::Number("0612345678".into()), Err(WarrantError::Number)),
            (Target::Address("+31612345678@ims.example".into()), Ok(())),
            (Target::Address("sip".into()), Err(WarrantError::Address)),
            (Target::Box { identifier: "1001".into(), system: Some("vm-1".into()) }, Ok(())),
            (Target::Box { identifier: String::new(), system: None }, Err(WarrantError::Box)),
            (Target::Box { identifier: "1001".into(), system: Some("\u{1f}".into()) }, Err(WarrantError::Box)),
        ] {
            assert_eq!(warrant(vec![target]).check(), expected);
        }
        assert_eq!(warrant(vec![]).check(), Err(WarrantError::NoTarget));
    }

    #[test]
    fn a_new_file_revokes_what_it_no_longer_says() {
        let login = |name: &str| warrant(vec![Target::Login(name.into())]);
        let first = Warrant::replace(&[], vec![login("a"), login("b"), login("c")]);
        let changed = Warrant { end: Time::from_nanos(30), ..login("b") };
        let second = Warrant::replace(&first, vec![login("d"), changed, login("a")]);
        assert!(Arc::ptr_eq(&first[0], &second[2]));
        let at = Time::from_nanos(15);
        assert_eq!(first.iter().map(|warrant| warrant.covers(at)).collect::<Vec<_>>(), [true, false, false]);
        assert!(second.iter().all(|warrant| warrant.covers(at)));
    }

    #[test]
    fn an_iri_warrant_grants_no_content() {
        assert!(warrant(vec![]).grant().is_none());
        let with_content = Warrant { deliver: Deliver::IriAndCc, ..warrant(vec![]) };
        assert!(with_content.grant_for(CcFormat::Application).is_some());
        assert!(with_content.grant_for(CcFormat::IpPacket).is_none());
    }
}
