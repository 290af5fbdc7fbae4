//! The set of mail ports, a bit for each.

/// Words of a [`PortSet`].
pub const WORDS: usize = 65_536 / 64;

/// One bit for each of the 65,536 TCP ports: port `p` is bit `p % 64` of word `p / 64`. 8 KiB, of which the few mail
/// ports touch a handful of cache lines; a look-up is one load.
pub type PortSet = [u64; WORDS];

/// Ports of SMTP (25, 2525), submission (587, 465 with TLS), POP3 (110, 995 with TLS) and IMAP (143, 993 with TLS).
///
/// Those with TLS from the first octet carry nothing to intercept; they go up so that encrypted sessions are counted.
pub const MAIL: [u16; 8] = [25, 587, 2525, 110, 143, 465, 993, 995];

/// The set that holds exactly `ports`.
pub fn set_of(ports: &[u16]) -> PortSet {
    let mut set = [0; WORDS];
    for &port in ports {
        if let Some(word) = set.get_mut(usize::from(port) / 64) {
            *word |= 1 << (port % 64);
        }
    }
    set
}

/// Whether `set` holds `port`.
#[inline(always)]
pub fn holds(set: &PortSet, port: u16) -> bool {
    // A port divided by 64 is below WORDS: the kernel's verifier and the compiler both see that this cannot miss.
    set.get(usize::from(port >> 6)).is_some_and(|word| word >> (port & 63) & 1 == 1)
}
