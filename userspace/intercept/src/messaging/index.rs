//! The targets of messaging in the target index.

use hashbrown::HashMap;
use zeroize::Zeroizing;

use super::Number;
use crate::address::{self, Form};
use crate::index::{Key, Warrants, add_all};
use crate::warrant::Target;

/// Warrants by what messaging systems know people by.
#[derive(Default)]
pub(crate) struct MessagingIndex {
    /// By the digits of an international number.
    numbers: HashMap<Key, Warrants>,
    /// By form, then by key.
    addresses: [HashMap<Key, Warrants>; 4],
    /// By [`box_key`].
    boxes: HashMap<Key, Warrants>,
}

impl MessagingIndex {
    /// Where the warrants of a target stand; `None` for a target that is none of messaging's.
    pub(crate) fn entry(&mut self, target: &Target, form: Form) -> Option<&mut Warrants> {
        match target {
            Target::Number(number) => Some(self.numbers.entry(number_key(&Number::parse(number)?)).or_default()),
            Target::Address(address) => {
                let key = Key(address::mailbox_key(address, form)?);
                self.addresses.get_mut(form.number()).map(|map| map.entry(key).or_default())
            }
            Target::Box { identifier, system } => {
                Some(self.boxes.entry(box_key(identifier, system.as_deref())).or_default())
            }
            Target::Email(_) | Target::Login(_) | Target::Ip(..) => None,
        }
    }

    pub(crate) fn by_number(&self, number: &Number, found: &mut Warrants) {
        add_all(found, self.numbers.get(number.digits()));
    }

    pub(crate) fn by_address(&self, address: &str, found: &mut Warrants) {
        for (form, map) in Form::ALL.into_iter().zip(&self.addresses) {
            if !map.is_empty() {
                let key = address::mailbox_key(address, form);
                add_all(found, key.and_then(|key| map.get(key.as_str())));
            }
        }
    }

    pub(crate) fn by_box(&self, identifier: &str, system: &str, found: &mut Warrants) {
        if !self.boxes.is_empty() {
            add_all(found, self.boxes.get(&box_key(identifier, Some(system))));
            add_all(found, self.boxes.get(&box_key(identifier, None)));
        }
    }
}

fn number_key(number: &Number) -> Key {
    Key(Zeroizing::new(number.digits().to_owned()))
}

/// A box by its identifier, which is the system's own: nothing about it is made alike but the `+` before a number. A control
/// character, which neither may have, stands between it and the system.
fn box_key(identifier: &str, system: Option<&str>) -> Key {
    let number = |rest: &&str| !rest.is_empty() && rest.bytes().all(|octet| octet.is_ascii_digit());
    let identifier = identifier.strip_prefix('+').filter(number).unwrap_or(identifier);
    let system = system.unwrap_or_default();
    let mut key = Zeroizing::new(String::with_capacity(identifier.len() + system.len() + 1));
    key.push_str(identifier);
    key.push('\u{1f}');
    key.push_str(system);
    Key(key)
}
