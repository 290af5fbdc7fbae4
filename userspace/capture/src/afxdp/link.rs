//! What the kernel says of an interface, by a netlink request (RTM_GETLINK).

use std::io;

use super::sys;

/// What the kernel says of an interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LinkState {
    pub(super) up: bool,
    /// `IFF_RUNNING`: up, and the driver says that there is a carrier.
    pub(super) running: bool,
    pub(super) loopback: bool,
    pub(super) mtu: u32,
    /// Receive queues that were allocated: an upper bound of those in use.
    pub(super) rx_queues: u32,
    /// `IFLA_XDP_ATTACHED`: see [`attached`].
    pub(super) xdp: u8,
}

/// Values of `IFLA_XDP_ATTACHED` (linux/if_link.h).
pub(super) mod attached {
    pub(in super::super) const NONE: u8 = 0;
    pub(in super::super) const NATIVE: u8 = 1;
    pub(in super::super) const GENERIC: u8 = 2;
}

/// The attribute in [`libc::IFLA_XDP`] that tells the mode.
const IFLA_XDP_ATTACHED: u16 = 2;
/// The bits of an attribute's number that are flags.
const ATTRIBUTE_FLAGS: u16 = 0xc000;
/// Octets of a message's header, and of the interface header after it.
const MESSAGE_HEADER: usize = 16;
const INTERFACE_HEADER: usize = 16;
/// Where in a message its interface header has the flags.
const FLAGS_AT: usize = MESSAGE_HEADER + 8;

/// Asks the kernel of the interface with that index.
pub(super) fn state_of(index: u32) -> io::Result<LinkState> {
    let socket = sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
    let mut answer = vec![0; 32_768];
    let length = sys::exchange(&socket, &request(index), &mut answer)?;
    answer.truncate(length);
    parse(&answer)
}

/// An RTM_GETLINK message for one interface.
fn request(index: u32) -> Vec<u8> {
    let length = (MESSAGE_HEADER + INTERFACE_HEADER) as u32;
    let mut message = Vec::with_capacity(length as usize);
    message.extend(length.to_ne_bytes());
    message.extend(libc::RTM_GETLINK.to_ne_bytes());
    message.extend((libc::NLM_F_REQUEST as u16).to_ne_bytes());
    // Sequence number and port; then family and type, all of no use here.
    message.extend([0; 12]);
    message.extend(index.to_ne_bytes());
    message.extend([0; 8]);
    message
}

/// Reads an RTM_NEWLINK message, or the error that came instead.
fn parse(message: &[u8]) -> io::Result<LinkState> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let kind = u16_at(message, 4).ok_or_else(invalid)?;
    if i32::from(kind) == libc::NLMSG_ERROR {
        let number = u32_at(message, MESSAGE_HEADER).ok_or_else(invalid)?.cast_signed();
        return Err(io::Error::from_raw_os_error(number.wrapping_neg()));
    }
    if kind != libc::RTM_NEWLINK {
        return Err(invalid());
    }
    let flags = u32_at(message, FLAGS_AT).ok_or_else(invalid)?;
    let has = |flag: libc::c_int| flags & flag as u32 != 0;
    let mut state = LinkState {
        up: has(libc::IFF_UP),
        running: has(libc::IFF_RUNNING),
        loopback: has(libc::IFF_LOOPBACK),
        ..LinkState::default()
    };
    let attributes = message.get(MESSAGE_HEADER + INTERFACE_HEADER..).ok_or_else(invalid)?;
    for (number, value) in Attributes(attributes) {
        match number {
            libc::IFLA_MTU => state.mtu = u32_at(value, 0).unwrap_or_default(),
            libc::IFLA_NUM_RX_QUEUES => state.rx_queues = u32_at(value, 0).unwrap_or_default(),
            libc::IFLA_XDP => {
                let mode = Attributes(value).find(|(number, _)| *number == IFLA_XDP_ATTACHED);
                state.xdp = mode.and_then(|(_, value)| value.first().copied()).unwrap_or(attached::NONE);
            }
            _ => {}
        }
    }
    Ok(state)
}

/// Attributes one after another: length with header, number, value, padding to four.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_at(self.0, 0)?);
        let number = u16_at(self.0, 2)? & !ATTRIBUTE_FLAGS;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((number, value))
    }
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().copied().map(u16::from_ne_bytes)
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_described() {
        let index = sys::interface_index("lo").expect("every namespace has a loopback interface");
        let state = state_of(index).unwrap();
        assert_eq!(state.xdp, attached::NONE);
        assert!(state.loopback);
        assert!(state.mtu >= 1280, "{state:?}");
        assert!(state.rx_queues >= 1, "{state:?}");
    }

    #[test]
    fn an_index_without_interface_is_an_error() {
        let error = state_of(0x7fff_0000).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
    }

    #[test]
    fn cut_answers_are_errors_or_lack_attributes() {
        let mut message = request(1);
        message[4..6].copy_from_slice(&libc::RTM_NEWLINK.to_ne_bytes());
        message.extend([8, 0, 4, 0, 0xdc, 5, 0, 0]);
        assert_eq!(parse(&message).unwrap().mtu, if cfg!(target_endian = "little") { 1500 } else { 0xdc05_0000 });
        for cut in 0..message.len() {
            if let Ok(state) = parse(&message[..cut]) {
                assert_eq!(state, LinkState::default());
            }
        }
    }
}
