//! Mail addresses and logins, made comparable.
//!
//! Two spellings of one mailbox must meet in the target index, and two mailboxes must not: RFC 5321 §2.4 (the domain has
//! no case, the local part may have), RFC 5890 (a domain has a U-label and an A-label form), RFC 6532 §3.1 (an `ö` is the
//! same letter whether it is one character or two).

use std::net::Ipv6Addr;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The most octets of a domain (RFC 1035 §2.3.4).
const LONGEST_DOMAIN: usize = 255;

/// How the local part is compared, and whether a `+tag` is taken off. A warrant says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Form {
    /// Whether the case of the local part (or login) counts.
    pub match_case: bool,
    /// Whether `+tag` is taken off the local part.
    pub strip_tag: bool,
}

impl Form {
    /// Every form there is.
    pub const ALL: [Self; 4] = [
        Self { match_case: false, strip_tag: false },
        Self { match_case: false, strip_tag: true },
        Self { match_case: true, strip_tag: false },
        Self { match_case: true, strip_tag: true },
    ];

    /// Its place in [`Form::ALL`].
    pub(crate) fn number(self) -> usize {
        usize::from(self.match_case) * 2 + usize::from(self.strip_tag)
    }
}

/// Splits `local@domain` at the last `@`; `None` where there is none, or one side is empty.
pub fn split(address: &str) -> Option<(&str, &str)> {
    // A quoted local part may hold an `@`; a domain never does.
    let (local, domain) = address.rsplit_once('@')?;
    (!local.is_empty() && !domain.is_empty()).then_some((local, domain))
}

/// Whether it can be the part of an address after the `@`: labels, of whatever script, or an address literal.
pub fn is_domain(text: &str) -> bool {
    let domain = text.strip_suffix('.').unwrap_or(text);
    let good = |character: char| !character.is_whitespace() && !character.is_control() && !"@<>\"".contains(character);
    domain.len() <= LONGEST_DOMAIN && domain.chars().all(good) && domain.split('.').all(|label| !label.is_empty())
}

/// The domain in the one form that is compared: A-labels, lower case, no dot at the end; of an IPv6 address literal, the address in
/// its one text (RFC 5952).
pub fn domain_key(domain: &str) -> String {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    if let Some(address) = ipv6_literal(domain) {
        return format!("[ipv6:{address}]");
    }
    if domain.is_ascii() {
        return domain.to_ascii_lowercase();
    }
    // What is no valid IDN is compared as it stands.
    idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase())
}

/// The address of `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
fn ipv6_literal(domain: &str) -> Option<Ipv6Addr> {
    let (tag, address) = domain.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
    if tag.eq_ignore_ascii_case("ipv6") { address.parse().ok() } else { None }
}

/// A mailbox in the one form that is compared.
pub fn mailbox_key(address: &str, form: Form) -> Option<Zeroizing<String>> {
    let (local, domain) = split(address)?;
    let mut key = local_key(local, form);
    key.push('@');
    key.push_str(&domain_key(domain));
    Some(key)
}

/// A login in the one form that is compared; one that is an address is compared as an address.
pub fn login_key(login: &str, form: Form) -> Zeroizing<String> {
    mailbox_key(login, form).unwrap_or_else(|| local_key(login, Form { strip_tag: false, ..form }))
}

fn local_key(local: &str, form: Form) -> Zeroizing<String> {
    let mut key = Zeroizing::new(unquote(local));
    if form.strip_tag
        && let Some(plus) = key.find('+').filter(|at| *at > 0)
    {
        key.truncate(plus);
    }
    match (form.match_case, key.is_ascii()) {
        (true, true) => key,
        (false, true) => {
            key.make_ascii_lowercase();
            key
        }
        (true, false) => composed(&key),
        // A letter in lower case can be one that is composed anew.
        (false, false) => composed(&Zeroizing::new(composed(&key).to_lowercase())),
    }
}

/// In normalization form C.
fn composed(text: &str) -> Zeroizing<String> {
    // No text of so many octets becomes longer than that (Unicode Standard Annex 15), and so no copy is left behind.
    let mut key = Zeroizing::new(String::with_capacity(text.len() * 3));
    key.extend(text.nfc());
    key
}

/// `"al ice"` and `"alice"` without their quotes and backslashes: the same mailbox (RFC 5322 §3.2.4).
fn unquote(local: &str) -> String {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return local.to_owned() };
    let mut plain = String::with_capacity(inner.len());
    let mut escaped = false;
    for character in inner.chars() {
        if character == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENIENT: Form = Form { match_case: false, strip_tag: false };
    const TAGLESS: Form = Form { match_case: false, strip_tag: true };
    const EXACT: Form = Form { match_case: true, strip_tag: false };

    fn same(a: &str, b: &str, form: Form) -> bool {
        mailbox_key(a, form).is_some() && mailbox_key(a, form) == mailbox_key(b, form)
    }

    #[test]
    fn spellings_of_one_mailbox_meet() {
        assert!(same("alice@example.org", "ALICE@Example.ORG.", LENIENT));
        assert!(same("alice@bücher.example", "alice@xn--bcher-kva.example", LENIENT));
        assert!(same("alice@BÜCHER.example", "alice@XN--bcher-KVA.example", LENIENT));
        assert!(same("\"alice\"@example.org", "alice@example.org", LENIENT));
        assert!(same("\"a\\\"b\"@example.org", "\"a\"b\"@example.org", LENIENT));
        assert!(same("Jürgen@example.org", "jÜRGEN@example.org", LENIENT));
        assert!(same("alice+news@example.org", "alice@example.org", TAGLESS));
        assert!(same("alice@[IPv6:2001:DB8:0:0:0:0:0:1]", "alice@[ipv6:2001:db8::1]", LENIENT));
        assert!(!same("alice@[IPv6:2001:db8::1]", "alice@[IPv6:2001:db8::2]", LENIENT));
    }

    #[test]
    fn a_letter_with_its_mark_is_one_letter() {
        for form in Form::ALL {
            assert!(same("ju\u{308}rgen@example.org", "j\u{fc}rgen@example.org", form));
            assert_eq!(login_key("ju\u{308}rgen", form), login_key("j\u{fc}rgen", form));
            assert!(!same("jurgen@example.org", "j\u{fc}rgen@example.org", form));
            assert!(!same("ju\u{301}rgen@example.org", "j\u{fc}rgen@example.org", form));
            // Like another letter, and not the same (form KC would make them so).
            assert!(!same("\u{ff41}lice@example.org", "alice@example.org", form));
        }
        assert!(same("JU\u{308}RGEN@example.org", "j\u{fc}rgen@example.org", LENIENT));
        assert!(!same("JU\u{308}RGEN@example.org", "j\u{fc}rgen@example.org", EXACT));
    }

    #[test]
    fn two_mailboxes_do_not() {
        assert!(!same("alice+news@example.org", "alice@example.org", LENIENT));
        assert!(!same("Alice@example.org", "alice@example.org", EXACT));
        assert!(!same("alice@example.org", "alice@example.com", LENIENT));
        assert!(!same("+alice@example.org", "@example.org", TAGLESS));
        assert!(!same("\"a@b\"@example.org", "a@b@example.com", LENIENT));
    }

    #[test]
    fn what_is_no_address_has_no_key() {
        for text in ["alice", "@example.org", "alice@", ""] {
            assert_eq!(mailbox_key(text, LENIENT), None);
        }
        assert_eq!(*login_key("Alice", LENIENT), "alice");
        assert_eq!(*login_key("CORP\\Alice", LENIENT), "corp\\alice");
        assert_eq!(*login_key("a+b", TAGLESS), "a+b");
    }
}
