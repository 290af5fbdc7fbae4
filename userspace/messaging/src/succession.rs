//! What goes on of a warrant that was changed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use writ_intercept::{TargetIndex, Warrant};

/// The warrants in force after a change, by LIID.
pub(crate) struct Succession<'i> {
    by_liid: HashMap<&'i str, Vec<&'i Arc<Warrant>>>,
    /// A warrant was replaced by one of which nobody can say whether it covers what the first one did.
    pub(crate) is_uncertain: bool,
}

impl<'i> Succession<'i> {
    pub(crate) fn of(index: &'i TargetIndex) -> Self {
        let mut by_liid: HashMap<&str, Vec<&Arc<Warrant>>> = HashMap::new();
        for warrant in index.warrants().iter().filter(|warrant| !warrant.revoked.load(Ordering::Relaxed)) {
            by_liid.entry(&warrant.mandate.liid).or_default().push(warrant);
        }
        Self { by_liid, is_uncertain: false }
    }

    /// The warrant under which what an older one covered is covered now: with the same mandate, and all of its targets. One that gives
    /// as much comes before one that does not.
    pub(crate) fn successor(&mut self, old: &Warrant) -> Option<Arc<Warrant>> {
        let candidates = self.by_liid.get(old.mandate.liid.as_str())?;
        let follows = |new: &&&Arc<Warrant>| {
            new.mandate == old.mandate
                && new.form == old.form
                && old.targets.iter().all(|target| new.targets.contains(target))
        };
        let gives_as_much =
            |new: &&Arc<Warrant>| (new.deliver, new.authentication_data) == (old.deliver, old.authentication_data);
        let found = candidates.iter().filter(follows).max_by_key(|new| gives_as_much(new));
        self.is_uncertain |= found.is_none();
        found.map(|found| Arc::clone(found))
    }
}
