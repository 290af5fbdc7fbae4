//! Keeps secrets inside the process: no core dump, and no panic message that quotes what was being read.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Turns core dumps off, and makes panics say where they happened and nothing else.
pub fn secrets() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // Either may be refused in a container; then the other holds. A process that cannot be dumped cannot be read by a debugger of
    // the same user either.
    let limited = setrlimit(Resource::Core, none).is_ok();
    let undumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok();
    if !limited && !undumpable {
        eprintln!("writ: core dumps could not be turned off");
    }
    std::panic::set_hook(Box::new(|panic| {
        // The message can hold a piece of what was read: an index message quotes a string, an `unwrap` its error.
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        eprintln!("writ: internal error at {}", place.as_deref().unwrap_or("an unknown place"));
    }));
}
