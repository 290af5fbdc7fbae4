//! What the program is to do with a packet: what it carries, and the ports of TCP.

use crate::packet::Packet;
use crate::ports::{self, PortSet};
use crate::walk::{Carried, Passed, Start, walk};

/// What a packet is, as far as its handling needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// TCP, whole, with a mail port at either end.
    Mail,
    /// A fragment, first or later, that is TCP or a tunnel's, or cannot be told from it: only reassembly can see the ports of all.
    Fragment,
    /// Anything else that is well formed as far as it was looked at.
    Other,
    /// Ends within a header, or has a header whose length cannot be.
    Malformed,
    /// Has more headers than are walked.
    TooDeep,
}

/// Where a TCP packet of a mail port has its headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mail {
    /// The innermost IP header.
    pub ip: usize,
    /// The TCP header.
    pub tcp: usize,
}

impl Passed for Mail {
    #[inline(always)]
    fn ip(&mut self, at: usize, _version: u8) {
        self.ip = at;
    }
}

/// Classes `packet`, which begins with an Ethernet header, by the mail ports in `ports`.
#[inline(always)]
pub fn class_of<P: Packet + ?Sized>(packet: &P, ports: &PortSet) -> Class {
    looked_at(packet, ports).0
}

/// The same, and where [`Class::Mail`] was found.
#[inline(always)]
pub fn looked_at<P: Packet + ?Sized>(packet: &P, ports: &PortSet) -> (Class, Mail) {
    let mut mail = Mail::default();
    let class = match walk(packet, Start::ETHERNET, &mut mail) {
        Carried::Tcp { at } => {
            mail.tcp = at;
            class_of_tcp(packet, at, ports).unwrap_or(Class::Malformed)
        }
        Carried::Fragment => Class::Fragment,
        Carried::Other => Class::Other,
        Carried::Malformed => Class::Malformed,
        Carried::TooDeep => Class::TooDeep,
    };
    (class, mail)
}

/// Looks the ports of a TCP header up (RFC 9293 §3.1).
#[inline(always)]
fn class_of_tcp<P: Packet + ?Sized>(packet: &P, at: usize, ports: &PortSet) -> Option<Class> {
    let [source @ .., high, low] = packet.octets::<4>(at)?;
    let destination = u16::from_be_bytes([high, low]);
    let mail = ports::holds(ports, u16::from_be_bytes(source)) || ports::holds(ports, destination);
    Some(if mail { Class::Mail } else { Class::Other })
}
