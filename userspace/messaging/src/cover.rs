//! Whose an event is: which warrants cover it, and how the target takes part in it.

use std::sync::Arc;

use writ_intercept::messaging::{Identity, Number, Party, Qualifier};
use writ_intercept::{TargetIndex, Warrant};

use crate::event::Event;

/// How a target takes part in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It acts: it calls, logs in, retrieves, sends.
    Acts,
    /// Somebody else acts towards it.
    Receives,
}

/// A warrant that covers an event.
#[derive(Clone, Debug)]
pub struct Covered {
    /// The warrant.
    pub warrant: Arc<Warrant>,
    /// How its target takes part.
    pub role: Role,
}

/// All warrants that cover an event or a piece, each once.
#[derive(Clone, Debug, Default)]
pub struct Cover(pub(crate) Vec<Covered>);

impl Cover {
    /// The LEMFs that are served, each once.
    pub fn lemfs(&self) -> Vec<usize> {
        let mut lemfs: Vec<usize> = self.0.iter().map(|covered| covered.warrant.mandate.lemf).collect();
        lemfs.sort_unstable();
        lemfs.dedup();
        lemfs
    }

    /// Leaves out what is for this LEMF.
    pub fn without(&mut self, lemf: usize) {
        self.0.retain(|covered| covered.warrant.mandate.lemf != lemf);
    }

    /// Whether no warrant covers it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that an event's parties and box are targets of, in or out of their time.
    pub(crate) fn of(event: &Event, index: &TargetIndex) -> Self {
        let mut cover = Self::default();
        // Whoever acts does so on his own behalf, also towards himself.
        cover.parties(event, index, Role::Acts, |qualifier| {
            matches!(qualifier, Qualifier::Originating | Qualifier::Unknown)
        });
        cover.parties(event, index, Role::Receives, |qualifier| qualifier == Qualifier::Terminating);
        if let Some(identifier) = &event.box_identifier {
            let mut found = Vec::new();
            index.by_box(identifier, &event.system, &mut found);
            cover.add(found, role_of_owner(&event.parties));
        }
        cover
    }

    /// An associated party is only mentioned (clause 8.6, NOTE): it takes no part, and so the event is not its own.
    fn parties(&mut self, event: &Event, index: &TargetIndex, role: Role, is_meant: impl Fn(Qualifier) -> bool) {
        for party in event.parties.iter().filter(|party| is_meant(party.qualifier)) {
            let mut found = Vec::new();
            by_identity(&party.identity, index, &mut found);
            self.add(found, role);
        }
    }

    fn add(&mut self, found: Vec<Arc<Warrant>>, role: Role) {
        for warrant in found {
            if !self.0.iter().any(|known| Arc::ptr_eq(&known.warrant, &warrant)) {
                self.0.push(Covered { warrant, role });
            }
        }
    }
}

/// How the owner of a box takes part in what happens to it. Where there is one who acts and one towards whom he does, the owner is
/// the latter: whoever uses his own box has nobody at the other end but the system.
fn role_of_owner(parties: &[Party]) -> Role {
    let has = |qualifier| parties.iter().any(|party| party.qualifier == qualifier);
    if has(Qualifier::Originating) && has(Qualifier::Terminating) { Role::Receives } else { Role::Acts }
}

fn by_identity(identity: &Identity, index: &TargetIndex, found: &mut Vec<Arc<Warrant>>) {
    match identity {
        Identity::Msisdn(number) | Identity::E164(number) => index.by_number(number, found),
        Identity::EmailAddress(addresses) => {
            addresses.iter().for_each(|address| index.by_messaging_address(address, found));
        }
        Identity::TelUrl(url) | Identity::FaxUrl(url) | Identity::ModemUrl(url) => {
            if let Some(number) = number_of_url(url) {
                index.by_number(&number, found);
            }
        }
        Identity::SipUri(uri) | Identity::SipsUri(uri) => {
            let address = address_of_uri(uri);
            index.by_messaging_address(address, found);
            // RFC 3261 §19.1.6: a telephone number in a SIP URI begins with `+` where it is a global one.
            let user = address.rsplit_once('@').map_or(address, |(user, _)| user);
            let user = user.split_once(';').map_or(user, |(user, _)| user);
            if let Some(number) = Some(user).filter(|user| user.starts_with('+')).and_then(Number::parse) {
                index.by_number(&number, found);
            }
        }
        Identity::Nai(nai) => index.by_messaging_address(nai, found),
        Identity::IpAddress(_)
        | Identity::IpAddressAndPort(_)
        | Identity::Alphanumeric(_)
        | Identity::Imsi(_)
        | Identity::Imei(_) => {}
    }
}

/// The number of a global `tel:`, `fax:` or `modem:` URL (RFC 3966, RFC 2806): a local one could be anybody's elsewhere.
fn number_of_url(url: &str) -> Option<Number> {
    let rest = after_scheme(url, &["tel:", "fax:", "modem:"]);
    let subscriber = rest.split_once(';').map_or(rest, |(subscriber, _)| subscriber);
    Some(subscriber).filter(|subscriber| subscriber.starts_with('+')).and_then(Number::parse)
}

/// `user@host` of a SIP URI (RFC 3261 §19.1.1): without its scheme, password, port, parameters and headers.
fn address_of_uri(uri: &str) -> &str {
    let rest = after_scheme(uri, &["sips:", "sip:"]);
    let at = rest.rfind('@').unwrap_or(0);
    let end = rest.get(at..).and_then(|host| host.find([':', ';', '?', '>'])).map_or(rest.len(), |end| at + end);
    rest.get(..end).unwrap_or(rest)
}

fn after_scheme<'t>(text: &'t str, schemes: &[&str]) -> &'t str {
    let scheme = schemes
        .iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(scheme)));
    scheme.and_then(|scheme| text.get(scheme.len()..)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_taken_apart() {
        for (uri, address) in [
            ("sip:alice@example.org", "alice@example.org"),
            ("SIPS:alice@example.org:5061;transport=tcp?subject=x", "alice@example.org"),
            ("sip:+31612345678@ims.example;user=phone", "+31612345678@ims.example"),
            ("alice@example.org", "alice@example.org"),
            ("sip:example.org", "example.org"),
            ("", ""),
            ("sip:", ""),
            ("\u{e9}@\u{e9}", "\u{e9}@\u{e9}"),
        ] {
            assert_eq!(address_of_uri(uri), address, "{uri}");
        }
    }

    #[test]
    fn a_url_has_a_number_where_it_is_global() {
        let number = |url| number_of_url(url).map(|number| number.digits().to_owned());
        for url in ["tel:+31-6-12345678", "TEL:+31612345678;ext=1", "fax:+31.612345678", "+31612345678"] {
            assert_eq!(number(url).as_deref(), Some("31612345678"), "{url}");
        }
        for url in ["tel:0612345678;phone-context=+31", "tel:112", "", "tel:"] {
            assert_eq!(number(url), None, "{url}");
        }
    }
}
