//! What the kernel says of this process.

use std::time::Duration;

use anyhow::Context as _;
use nix::time::{ClockId, clock_gettime};

/// The most memory that this process ever had resident, in octets (`VmHWM`).
///
/// # Errors
/// Where `/proc` does not tell.
pub fn peak_resident() -> anyhow::Result<u64> {
    of_status("VmHWM:")
}

/// The memory that this process has resident, in octets (`VmRSS`).
///
/// # Errors
/// Where `/proc` does not tell.
pub fn resident() -> anyhow::Result<u64> {
    of_status("VmRSS:")
}

fn of_status(key: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)).context("no such line in /proc/self/status")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().context("a number of kB")?;
    Ok(kibibytes * 1024)
}

/// How long this thread has run on a core: what others do on it meanwhile does not count.
///
/// # Errors
/// The system has no such clock.
pub fn thread_time() -> anyhow::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}
