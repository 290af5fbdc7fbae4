//! Mail addresses and logins as keys of the target index: spellings of one mailbox have one key.

use writ_intercept::address::{Form, domain_key, login_key, mailbox_key, split};

use crate::choices::Choices;

/// Runs an input: a form, then an address.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let form = choices.one_of(&Form::ALL);
    let Ok(address) = std::str::from_utf8(choices.rest()) else { return };
    let _ = login_key(address, form);
    let key = mailbox_key(address, form);
    assert_eq!(key.is_some(), split(address).is_some());
    let Some((local, domain)) = split(address) else { return };
    let key = key.expect("an address has a key");
    let spelled = |local: &str, domain: &str| mailbox_key(&format!("{local}@{domain}"), form);
    // What is no domain, in either form of IDNA, is compared as it stands.
    let ascii = domain_key(domain);
    if ascii.is_ascii() && !ascii.is_empty() && !ascii.ends_with('.') {
        assert_eq!(spelled(local, &ascii).as_ref(), Some(&key), "the domain in its own key's spelling");
    }
    if address.is_ascii() {
        assert_eq!(spelled(local, &domain.to_ascii_uppercase()).as_ref(), Some(&key), "a domain has no case");
        if !form.match_case {
            assert_eq!(
                spelled(&local.to_ascii_uppercase(), domain).as_ref(),
                Some(&key),
                "the local part has none here"
            );
        }
    }
}
