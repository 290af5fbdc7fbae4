//! The target index: who is a target, under which warrants. The cost of a look-up does not grow with their number.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use writ_mail::sasl::Identity;
use zeroize::Zeroizing;

use crate::address::{self, Form};
use crate::messaging::Number;
use crate::messaging::index::MessagingIndex;
use crate::record::CcFormat;
use crate::warrant::{Target, Warrant};

pub(crate) type Warrants = Vec<Arc<Warrant>>;

/// An address or login as a key. Zeroised when dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) Zeroizing<String>);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// All warrants, arranged by target. Never changed once built: a change of warrants is a new index.
#[derive(Default)]
pub struct TargetIndex {
    /// By form, then by key.
    mailboxes: [HashMap<Key, Warrants>; 4],
    logins: [HashMap<Key, Warrants>; 4],
    /// By prefix length, longest first; only lengths in use.
    prefixes_v4: Vec<(u8, HashMap<u32, Warrants>)>,
    prefixes_v6: Vec<(u8, HashMap<u128, Warrants>)>,
    messaging: MessagingIndex,
    wants_content: bool,
    wants_packets: bool,
    warrants: Warrants,
    generation: u64,
}

/// Tells one index from the next.
static NEXT_GENERATION: AtomicU64 = AtomicU64::new(1);

// The target list is as secret as the product.
impl fmt::Debug for TargetIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetIndex").field("warrants", &self.warrants.len()).finish_non_exhaustive()
    }
}

impl TargetIndex {
    /// Arranges warrants that were checked.
    pub fn new(warrants: Vec<Arc<Warrant>>) -> Self {
        let mut index = Self { generation: NEXT_GENERATION.fetch_add(1, Ordering::Relaxed), ..Self::default() };
        for warrant in &warrants {
            index.wants_content |= warrant.grant_for(CcFormat::Application).is_some();
            index.wants_packets |= warrant.grant_for(CcFormat::IpPacket).is_some();
            for target in &warrant.targets {
                index.add(target, warrant);
            }
        }
        index.prefixes_v4.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        index.prefixes_v6.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        index.warrants = warrants;
        index
    }

    fn add(&mut self, target: &Target, warrant: &Arc<Warrant>) {
        let form = warrant.form;
        let list = match target {
            Target::Email(email) => {
                let Some(key) = address::mailbox_key(email, form) else { return };
                self.mailboxes.get_mut(form.number()).map(|map| map.entry(Key(key)).or_default())
            }
            Target::Login(login) => {
                let key = address::login_key(login, form);
                self.logins.get_mut(form.number()).map(|map| map.entry(Key(key)).or_default())
            }
            Target::Ip(IpAddr::V4(ip), length) => {
                Some(of_length(&mut self.prefixes_v4, *length).entry(ip.to_bits()).or_default())
            }
            Target::Ip(IpAddr::V6(ip), length) => {
                Some(of_length(&mut self.prefixes_v6, *length).entry(ip.to_bits()).or_default())
            }
            Target::Number(_) | Target::Address(_) | Target::Box { .. } => self.messaging.entry(target, form),
        };
        if let Some(list) = list {
            add_once(list, warrant);
        }
    }

    /// The warrants.
    pub fn warrants(&self) -> &[Arc<Warrant>] {
        &self.warrants
    }

    /// A number that no other index of this process has.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether any warrant wants content in application form.
    pub(crate) fn wants_content(&self) -> bool {
        self.wants_content
    }

    /// Whether any warrant wants IP packets.
    pub(crate) fn wants_packets(&self) -> bool {
        self.wants_packets
    }

    /// The warrants that an address is a target of: as it stands, or where it has no domain, with the one that the server gives it.
    pub(crate) fn by_path(&self, mailbox: &str, server_domain: Option<&str>, found: &mut Warrants) {
        match server_domain {
            Some(domain) if !mailbox.is_empty() && address::split(mailbox).is_none() => {
                self.by_mailbox(&Zeroizing::new(format!("{mailbox}@{domain}")), found);
            }
            _ => self.by_mailbox(mailbox, found),
        }
    }

    /// The warrants that an address is a target of.
    fn by_mailbox(&self, mailbox: &str, found: &mut Warrants) {
        for (form, map) in Form::ALL.into_iter().zip(&self.mailboxes) {
            if !map.is_empty() {
                let key = address::mailbox_key(mailbox, form);
                add_all(found, key.and_then(|key| map.get(key.as_str())));
            }
        }
    }

    /// The warrants that a login is a target of: as a login, and as the address that it is or that the server's default
    /// domain makes of it.
    pub(crate) fn by_login(&self, login: &str, default_domain: Option<&str>, found: &mut Warrants) {
        let (bare, full) = match (address::split(login), default_domain) {
            (None, Some(domain)) => (None, Some(Zeroizing::new(format!("{login}@{domain}")))),
            (Some((local, domain)), Some(default)) if address::domain_key(domain) == address::domain_key(default) => {
                (Some(local), None)
            }
            _ => (None, None),
        };
        self.by_mailbox(full.as_ref().map_or(login, |full| full.as_str()), found);
        for (form, map) in Form::ALL.into_iter().zip(&self.logins) {
            if map.is_empty() {
                continue;
            }
            // On a server whose users have one domain, a name with it and the same without are one login.
            for spelling in [Some(login), bare, full.as_ref().map(|full| full.as_str())].into_iter().flatten() {
                add_all(found, map.get(address::login_key(spelling, form).as_str()));
            }
        }
    }

    /// The same, of both names of a login, and of the name in its realm.
    pub(crate) fn by_identity(&self, identity: &Identity, default_domain: Option<&str>, found: &mut Warrants) {
        for name in std::iter::once(&identity.login).chain(&identity.acting_as) {
            self.by_login(name, default_domain, found);
        }
        // A realm that is no mail domain makes an address of nobody.
        if let Some(realm) = identity.realm.as_ref().filter(|_| address::split(&identity.login).is_none()) {
            self.by_login(&Zeroizing::new(format!("{}@{realm}", identity.login)), default_domain, found);
        }
    }

    /// The warrants that a number is a target of, in messaging.
    pub fn by_number(&self, number: &Number, found: &mut Vec<Arc<Warrant>>) {
        self.messaging.by_number(number, found);
    }

    /// The warrants that an address is a target of, in messaging.
    pub fn by_messaging_address(&self, address: &str, found: &mut Vec<Arc<Warrant>>) {
        self.messaging.by_address(address, found);
    }

    /// The warrants that a message box of a system is a target of.
    pub fn by_box(&self, identifier: &str, system: &str, found: &mut Vec<Arc<Warrant>>) {
        self.messaging.by_box(identifier, system, found);
    }

    /// The warrants that a client's address is a target of.
    pub(crate) fn by_ip(&self, ip: IpAddr, found: &mut Warrants) {
        match ip.to_canonical() {
            IpAddr::V4(ip) => {
                for (length, map) in &self.prefixes_v4 {
                    let mask = u32::MAX.checked_shl(32 - u32::from(*length)).unwrap_or(0);
                    add_all(found, map.get(&(ip.to_bits() & mask)));
                }
            }
            IpAddr::V6(ip) => {
                for (length, map) in &self.prefixes_v6 {
                    let mask = u128::MAX.checked_shl(128 - u32::from(*length)).unwrap_or(0);
                    add_all(found, map.get(&(ip.to_bits() & mask)));
                }
            }
        }
    }
}

fn of_length<K>(prefixes: &mut Vec<(u8, HashMap<K, Warrants>)>, length: u8) -> &mut HashMap<K, Warrants> {
    let at = prefixes.iter().position(|(known, _)| *known == length).unwrap_or_else(|| {
        prefixes.push((length, HashMap::new()));
        prefixes.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "the place was found, or made, on the line before")]
    &mut prefixes[at].1
}

fn add_once(list: &mut Warrants, warrant: &Arc<Warrant>) {
    if !list.iter().any(|known| Arc::ptr_eq(known, warrant)) {
        list.push(Arc::clone(warrant));
    }
}

pub(crate) fn add_all(found: &mut Warrants, list: Option<&Warrants>) {
    for warrant in list.into_iter().flatten() {
        add_once(found, warrant);
    }
}
