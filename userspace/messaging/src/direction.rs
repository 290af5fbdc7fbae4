//! Which way content went, as the target sees it (`payloadDirection`).

use writ_intercept::messaging::{BoxEvent, Category, MessageEvent, PayloadDirection};

use crate::cover::Role;

/// Of the content of an event.
pub(crate) fn of_content(category: Category, role: Role) -> PayloadDirection {
    use PayloadDirection::{FromTarget, Indeterminate, NotApplicable, ToTarget};
    match category {
        Category::Message(MessageEvent::Deposit) => match role {
            Role::Acts => FromTarget,
            Role::Receives => ToTarget,
        },
        Category::Message(MessageEvent::Retrieve) | Category::Notification(_) => ToTarget,
        // Whoever hears a greeting acts: it is that of the other.
        Category::Box(BoxEvent::GreetingPlay) => match role {
            Role::Acts => ToTarget,
            Role::Receives => FromTarget,
        },
        Category::Box(BoxEvent::GreetingRecord | BoxEvent::GreetingChange) => FromTarget,
        // It stays where it is.
        Category::Message(MessageEvent::Delete | MessageEvent::Save)
        | Category::Box(BoxEvent::GreetingDelete | BoxEvent::GreetingEnable | BoxEvent::GreetingDisable) => {
            NotApplicable
        }
        Category::Message(_) | Category::Box(_) | Category::Call(_) => Indeterminate,
    }
}

/// Of a leg of a call, and its `content-identifier` (clause 8.1, table 6).
pub(crate) fn of_leg(from_user: bool, role: Role) -> (PayloadDirection, u32) {
    if from_user == (role == Role::Acts) { (PayloadDirection::FromTarget, 0) } else { (PayloadDirection::ToTarget, 1) }
}
