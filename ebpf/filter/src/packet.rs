//! Reading a packet that may end anywhere.

/// Offsets beyond this are not read, so that the kernel's verifier sees every one bounded. Headers reach that far only in
/// packets that no UMEM frame holds: those have at most 4096 octets, of which the kernel keeps 256.
pub const FARTHEST: usize = 4096;

/// The octets of a packet, from its Ethernet header on.
pub trait Packet {
    /// The `N` octets that begin at offset `at`; `None` where the packet ends before, or `at` is beyond [`FARTHEST`].
    ///
    /// `N` is at least 2: of a comparison for a single octet the compiler makes one that the verifier learns nothing from.
    fn octets<const N: usize>(&self, at: usize) -> Option<[u8; N]>;

    /// The same two numbers. In the kernel they come back such that the verifier knows no more of them than their limits: so it
    /// finds, header after header, that it has been here before, and does not follow every way through all of them.
    #[inline(always)]
    fn unrelated(&self, header: u16, at: usize) -> (u16, usize) {
        (header, at)
    }

    /// The 16-bit field at `at`, in network byte order.
    #[inline(always)]
    fn u16(&self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes(self.octets(at)?))
    }
}

impl Packet for [u8] {
    fn octets<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        if at > FARTHEST {
            return None;
        }
        self.get(at..)?.first_chunk().copied()
    }
}
