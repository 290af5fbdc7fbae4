//! What can be set.

use std::time::Duration;

/// A set of TCP ports.
#[derive(Clone, PartialEq, Eq)]
pub struct Ports(Box<[u64; 1024]>);

impl Ports {
    /// No port.
    pub fn none() -> Self {
        Self(Box::new([0; 1024]))
    }

    /// Adds one.
    pub fn insert(&mut self, port: u16) {
        if let Some(word) = self.0.get_mut(usize::from(port >> 6)) {
            *word |= 1 << (port & 63);
        }
    }

    /// Whether it is in the set.
    pub fn contains(&self, port: u16) -> bool {
        self.0.get(usize::from(port >> 6)).is_some_and(|word| word >> (port & 63) & 1 == 1)
    }
}

impl FromIterator<u16> for Ports {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        let mut set = Self::none();
        ports.into_iter().for_each(|port| set.insert(port));
        set
    }
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries((0..=u16::MAX).filter(|port| self.contains(*port))).finish()
    }
}

/// How frames become streams, and the limits of every table.
#[derive(Clone, Debug)]
pub struct Settings {
    /// TCP to or from one of these makes a flow; everything else is counted and left.
    pub server_ports: Ports,
    /// Whether packets with a wrong IPv4 or TCP checksum are dropped. Off by default: on a tap of a sending host the checksums
    /// are not filled in yet (offload), and dropping those would lose the session.
    pub verify_checksums: bool,
    /// Whether the same addresses and ports in different VLANs are different connections. Off by default: many taps see the
    /// two directions of one connection in different VLANs (a VLAN a direction, or routed between), and then each half
    /// would be alone. Set it where customers with overlapping private addresses share the tap.
    pub vlan_in_key: bool,
    /// Whether connections that nobody wants anything of are let go: [`crate::Wire::orders`]. Not with `vlan_in_key`, for who
    /// carries the orders out knows no VLANs.
    pub let_go: bool,
    /// Most flows at a time; the least recently used gives way, those without an octet of payload first.
    pub max_flows: usize,
    /// A flow is over when nothing was heard of it for this long. A day: IMAP's IDLE may be silent for 29 minutes (RFC 2177), in
    /// practice for hours, and what is not over after twelve keep-alives of TCP (two hours each, RFC 9293 §3.8.4) is not there.
    pub idle_time: Duration,
    /// The same while the handshake is not complete.
    pub half_open_time: Duration,
    /// How long a flow whose end was seen is kept, for what still comes late, so that it does not look like a new one.
    pub linger_time: Duration,
    /// How long octets are held when something before them is missing, in time of packets.
    pub hold_time: Duration,
    /// The same when the receiver is heard and does not acknowledge the missing octets either: they were lost on the network and
    /// will be sent again. What is held then is dropped, for the receiver never took it.
    pub retransmit_time: Duration,
    /// Most octets held in one direction of a flow. A mebibyte: a sender with one lost segment fills the receiver's window
    /// before it sends that segment again.
    pub hold_octets: usize,
    /// Most octets held in all flows.
    pub held_octets: usize,
    /// A segment or an acknowledgement further ahead than this is not believed, in octets.
    pub max_jump: u32,
    /// Most IP packets whose fragments are being collected; the oldest gives way.
    pub max_datagrams: usize,
    /// Most octets of fragments.
    pub fragment_octets: usize,
    /// Most fragments of one packet.
    pub max_fragments: usize,
    /// How long the fragments of a packet are kept: 30 s, as receivers do.
    pub fragment_time: Duration,
    /// Seed of the flow table's hash. `None` draws one for each process, so that nobody who chooses ports can aim at one
    /// bucket.
    pub hash_seed: Option<u64>,
}

impl Settings {
    /// The ports of mail: SMTP, submission, POP3 and IMAP4, and the same over TLS, which are tracked without being read.
    pub const MAIL_PORTS: [u16; 8] = [25, 587, 2525, 110, 143, 465, 993, 995];
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server_ports: Self::MAIL_PORTS.into_iter().collect(),
            verify_checksums: false,
            vlan_in_key: false,
            let_go: false,
            max_flows: 1_000_000,
            idle_time: Duration::from_secs(86_400),
            half_open_time: Duration::from_secs(30),
            linger_time: Duration::from_secs(60),
            hold_time: Duration::from_secs(5),
            retransmit_time: Duration::from_secs(120),
            hold_octets: 1 << 20,
            held_octets: 256 << 20,
            max_jump: 1 << 30,
            max_datagrams: 4096,
            fragment_octets: 16 << 20,
            max_fragments: 256,
            fragment_time: Duration::from_secs(30),
            hash_seed: None,
        }
    }
}
