//! What the derive macros of `rasn` do not cover: open enumerations, open choices, extension additions, RELATIVE-OID.
//!
//! Every type of the standard that carries an extension marker grows with each version of its module. A receiver
//! must read what a newer sender writes (X.680 §7), so each of the types here keeps what it does not know, and
//! writes it back unchanged.

mod additions;
mod open_choice;
mod open_enumeration;
mod relative_oid;

pub use additions::{Additions, RawValue};
pub(crate) use open_choice::choice;
pub(crate) use open_enumeration::enumerated;
pub use rasn::types::{GeneralizedTime, Ia5String, ObjectIdentifier, OctetString, PrintableString, Utf8String};
pub use relative_oid::RelativeOid;

/// Gives types a `Debug` that names the type and nothing it holds: a PDU carries the target's identity and mail, and
/// neither may reach a log or a panic message by way of `{:?}`.
macro_rules! opaque_debug {
    ($($name:ident),+ $(,)?) => {$(
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}
pub(crate) use opaque_debug;
