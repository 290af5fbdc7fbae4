//! How much memory is in use, by an allocator that counts.

use std::alloc::System;

use cap::Cap;

#[global_allocator]
static COUNTED: Cap<System> = Cap::new(System, usize::MAX);

/// Octets that are allocated at this moment, by the whole process.
pub fn allocated() -> usize {
    COUNTED.allocated()
}
