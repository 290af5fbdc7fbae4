//! The CPUs of this machine.

use std::ops::RangeInclusive;

/// CPUs, as the kernel lists them.
pub struct Cpus {
    /// `0-3,8`
    pub text: String,
    pub ranges: Vec<RangeInclusive<usize>>,
}

/// Those that there are; `None` where the kernel does not say.
pub fn present() -> Option<Cpus> {
    parse(std::fs::read_to_string("/sys/devices/system/cpu/present").ok()?.trim())
}

/// A list of the kernel's; `None` for anything else.
pub fn parse(text: &str) -> Option<Cpus> {
    let ranges = text.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    Some(Cpus { text: text.to_owned(), ranges: ranges.collect::<Option<_>>()? })
}

impl Cpus {
    /// Whether this one is among them.
    pub fn has(&self, cpu: usize) -> bool {
        self.ranges.iter().any(|range| range.contains(&cpu))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lists_are_read() {
        assert_eq!(parse("0").unwrap().ranges, [0..=0]);
        assert_eq!(parse("0-3,8,10-11").unwrap().ranges, [0..=3, 8..=8, 10..=11]);
        assert!(parse("").is_none() && parse("0-").is_none());
        assert!(present().is_none_or(|cpus| cpus.ranges[0].contains(&0)));
    }
}
