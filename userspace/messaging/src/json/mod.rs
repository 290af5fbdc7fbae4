//! JSON in, items out, or one line that says what is wrong and where. The line names keys of the description and places in
//! lists, and never a value: those are identities and content.

mod content;
mod identity;
mod item;
mod place;
mod tree;

pub use place::Malformed;

use crate::event::Item;
use place::Place;

/// The description of what is accepted, as OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("../../../../docs/messaging-openapi.json");

/// The most items of one request.
const ITEMS: usize = 1024;

/// Reads a request: one item, or a list of them.
///
/// # Errors
/// The first thing in it that is not as the description says.
pub fn read(octets: &[u8]) -> Result<Vec<Item>, Malformed> {
    let tree = tree::read(octets)?;
    let root = Place::root();
    match tree {
        tree::Json::List(items) if items.is_empty() || items.len() > ITEMS => Err(root.expected("1 to 1024 items")),
        tree::Json::List(items) => {
            items.into_iter().enumerate().map(|(at, value)| item::read(value, &root.at(at))).collect()
        }
        value => Ok(vec![item::read(value, &root)?]),
    }
}
