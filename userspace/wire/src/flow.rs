//! A flow: its key, its state, and its session.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::slice::from_ref;

use prefetch_index::prefetch_index;

use crate::Time;
use crate::aside::LetGo;
use crate::conn::Conn;
use crate::ip::Address;
use crate::streams::{Connection, Direction};
use crate::table::Links;
use crate::tcp::Segment;

/// What a connection's packets have in common, the same for both directions.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    low: (Address, u16),
    high: (Address, u16),
    v6: bool,
    /// Two VLAN identifiers where these count, else 0.
    vlans: u32,
}

impl Key {
    /// The key of a segment, and whether its sender is the `low` end.
    pub(crate) fn of(segment: &Segment<'_>, vlans: u32) -> (Self, bool) {
        let source = (segment.ends.source, segment.source_port);
        let destination = (segment.ends.destination, segment.destination_port);
        let is_low = source <= destination;
        let (low, high) = if is_low { (source, destination) } else { (destination, source) };
        (Self { low, high, v6: segment.ends.v6, vlans }, is_low)
    }

    /// Both ends, the lower one first, and whether they are of IPv6.
    pub(crate) fn ends(&self) -> (&(Address, u16), &(Address, u16), bool) {
        (&self.low, &self.high, self.v6)
    }

    fn socket(&self, (address, port): (Address, u16)) -> SocketAddr {
        let ip = match address.first_chunk::<4>() {
            Some(v4) if !self.v6 => IpAddr::V4(Ipv4Addr::from(*v4)),
            _ => IpAddr::V6(Ipv6Addr::from(address)),
        };
        SocketAddr::new(ip, port)
    }
}

/// Which list a flow is in. They are listed in the order in which they give way when the table is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Its end was seen; what is left of it only keeps late packets from looking like a new flow.
    Ending,
    /// Nothing but SYNs.
    HalfOpen,
    /// No payload yet, or only one end heard.
    Quiet,
    /// Payload, and both ends heard.
    Active,
}

impl Class {
    pub(crate) const ALL: [Self; 4] = [Self::Ending, Self::HalfOpen, Self::Quiet, Self::Active];
}

/// A flow and its session.
///
/// In this order: what a look-up compares comes first, then what nearly every segment reads or writes, so that the lines of the cache
/// that a segment needs are few and known.
#[repr(C)]
pub(crate) struct Flow<T> {
    pub(crate) key: Key,
    pub(crate) class: Class,
    pub(crate) client_is_low: bool,
    pub(crate) started_by_syn: bool,
    /// Whether a packet without SYN was seen: the handshake is over, or was before the capture started.
    pub(crate) is_established: bool,
    pub(crate) has_payload: bool,
    pub(crate) waits: bool,
    /// Segments in a row that were too far away to belong to it.
    pub(crate) strays: u8,
    /// Who sent an RST that was believed.
    pub(crate) reset_by: Option<Direction>,
    /// The sequence number of a SYN that may start a new connection in this one's place.
    pub(crate) challenger: Option<u32>,
    pub(crate) conn: Conn,
    /// `None` when the connection was closed and the flow lingers.
    pub(crate) session: Option<T>,
    /// Whether it was let go.
    pub(crate) let_go: LetGo,
    vlan: u16,
    /// When the RST was captured, or when the session was closed; before that, when it was let go.
    pub(crate) over: Time,
    /// How far the sender of the RST had come.
    pub(crate) reset_at: u64,
    pub(crate) in_class: Links,
    pub(crate) in_wait: Links,
}

impl<T> Flow<T> {
    pub(crate) fn new(key: Key, client_is_low: bool, started_by_syn: bool, vlans: u32) -> Self {
        Self {
            key,
            client_is_low,
            started_by_syn,
            is_established: false,
            has_payload: false,
            class: Class::HalfOpen,
            strays: 0,
            reset_by: None,
            reset_at: 0,
            vlan: (vlans & 0x0fff) as u16,
            conn: Conn::default(),
            session: None,
            over: Time::MIN,
            challenger: None,
            let_go: LetGo::default(),
            in_class: Links::default(),
            in_wait: Links::default(),
            waits: false,
        }
    }

    pub(crate) fn connection(&self) -> Connection {
        let (client, server) =
            if self.client_is_low { (self.key.low, self.key.high) } else { (self.key.high, self.key.low) };
        Connection {
            client: self.key.socket(client),
            server: self.key.socket(server),
            started_by_syn: self.started_by_syn,
            vlan: self.vlan,
        }
    }

    /// Has its parts fetched into the cache.
    pub(crate) fn prefetch(&self) {
        prefetch_index(from_ref(&self.conn.client), 0);
        prefetch_index(from_ref(&self.conn.server), 0);
        prefetch_index(from_ref(&self.conn.server.ended), 0);
        prefetch_index(from_ref(&self.session), 0);
        prefetch_index(from_ref(&self.let_go), 0);
    }

    /// When either end was last heard.
    pub(crate) fn heard(&self) -> Time {
        self.conn.client.heard.max(self.conn.server.heard)
    }

    /// Whether both FINs were reached and acknowledged.
    pub(crate) fn is_over(&self) -> bool {
        [&self.conn.client, &self.conn.server].iter().all(|half| half.ended && half.acked > half.next)
    }

    /// Whether both FINs were reached, and one of them acknowledged: the sender of the other knows that its peer is done.
    pub(crate) fn has_both_fins(&self) -> bool {
        let halves = [&self.conn.client, &self.conn.server];
        halves.iter().all(|half| half.ended) && halves.iter().any(|half| half.acked > half.next)
    }

    /// Whether it ends in a moment, unless more comes: both FINs, or a FIN and an RST.
    pub(crate) fn is_about_to_end(&self) -> bool {
        let has_fin = self.conn.client.ended || self.conn.server.ended;
        !self.conn.is_waiting() && (self.has_both_fins() || has_fin && self.reset_by.is_some())
    }

    /// Whether its time may be up before its class says so.
    pub(crate) fn must_wait(&self) -> bool {
        self.conn.is_waiting() || self.reset_by.is_some() || self.has_both_fins()
    }

    /// The class that it should be in.
    pub(crate) fn due_class(&self) -> Class {
        let (client, server) = (&self.conn.client, &self.conn.server);
        if self.session.is_none() || self.reset_by.is_some() || client.ended || server.ended {
            Class::Ending
        } else if !self.is_established {
            Class::HalfOpen
        } else if self.has_payload && client.seen && server.seen {
            Class::Active
        } else {
            Class::Quiet
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_flow_costs_little() {
        // A million of them, each with its place in the index, fit in a quarter of a gibibyte beside their sessions.
        assert!(size_of::<Option<Flow<u64>>>() <= 248, "{}", size_of::<Option<Flow<u64>>>());
    }
}
