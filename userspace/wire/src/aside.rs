//! Connections that are let go: their packets are wanted no more, and somebody before this room keeps them from coming in.
//!
//! A connection is let go where its owner says that nothing of it is wanted ([`Streams::is_unwanted`]) and nothing of it is
//! waited for. What then comes in of it nonetheless (its end; all of it, once it was taken back) is read from where it is: what
//! went by before is told as [`Streams::aside`], and is no gap.

use std::time::Duration;

use writ_filter::flow::{FlowKey, key_of};

use crate::Counters;
use crate::conn::Conn;
use crate::flow::{Flow, Key};
use crate::settings::Settings;
use crate::stream::Half;
use crate::streams::{Direction, Flags, Streams};
use crate::tcp::Segment;
use crate::tracker::{Tracker, direction};

/// A connection that is let go and comes in all the same is let go again, after this long.
const AGAIN: Duration = Duration::from_secs(1);

/// What is to be done before this room. In their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Keep the packets of a connection from coming in, but for its end.
    LetGo {
        /// The connection.
        key: FlowKey,
        /// The sequence numbers that its ends have come to, that of the key's lower end first.
        reached: (u32, u32),
    },
    /// Let them come in again: it is over, or another has its ports.
    TakeBack(FlowKey),
}

/// Whether a flow was let go; since when is in its `over`, which nothing else needs until it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LetGo(u8);

impl LetGo {
    const LET_GO: u8 = 1;
    /// Let go, and wanted again, and both ends were heard since.
    const HEARD: u8 = Self::LET_GO | 2 | 4;

    fn is_so(self) -> bool {
        self.0 != 0
    }

    /// Notes who was heard of a connection that is wanted again; gives whether both were.
    fn hear(&mut self, from: Direction) -> bool {
        self.0 |= if from == Direction::FromClient { 2 } else { 4 };
        self.0 == Self::HEARD
    }
}

impl Key {
    /// As the XDP program knows the connection, which does not look at VLANs.
    fn in_program(&self) -> FlowKey {
        let half = |octets: &[u8]| octets.first_chunk().map_or(0, |octets| u64::from_be_bytes(*octets));
        let numbers = |(address, port): &(crate::ip::Address, u16)| {
            let (first, second) = address.split_at(8);
            ([half(first), half(second)], *port)
        };
        let (low, high, v6) = self.ends();
        key_of(numbers(low), numbers(high), v6).0
    }
}

impl Conn {
    /// Goes on at a segment, past what was not wanted.
    fn go_on<S: Streams>(
        &mut self,
        from: Direction,
        segment: &Segment<'_>,
        session: &mut S::Session,
        counters: &mut Counters,
        streams: &mut S,
    ) {
        // Where another connection starts says nothing of this one.
        if segment.flags.has(Flags::SYN) {
            return;
        }
        let (here, there) = self.pair(from);
        let acknowledged = segment.flags.has(Flags::ACK).then_some((from.flip(), there, segment.acknowledgement));
        for (from, half, sequence) in [Some((from, here, segment.sequence)), acknowledged].into_iter().flatten() {
            let length = half.pass(sequence);
            if length > 0 {
                counters.let_go_octets += length;
                streams.aside(session, from, length);
            }
        }
    }
}

impl Half {
    /// Goes on at a sequence number that lies ahead; gives by how much.
    fn pass(&mut self, sequence: u32) -> u64 {
        let position = self.position(sequence);
        let length = position.saturating_sub(self.next);
        // Nothing that is waited for was left when the connection was let go; its FIN may have come since.
        if length == 0 || self.ended || self.held.is_some() {
            return 0;
        }
        self.next = position;
        self.sent = self.sent.max(position);
        self.acked = self.acked.max(position);
        length
    }

    fn is_settled(&self) -> bool {
        self.is_known() && self.anchored && self.held.is_none() && !self.ended
    }
}

impl<S: Streams> Tracker<S> {
    /// Before a segment of a connection that was let go is read.
    pub(crate) fn go_on(
        flow: &mut Flow<S::Session>,
        from: Direction,
        segment: &Segment<'_>,
        counters: &mut Counters,
        streams: &mut S,
    ) {
        if flow.let_go.is_so()
            && let Some(session) = &mut flow.session
        {
            flow.conn.go_on(from, segment, session, counters, streams);
        }
    }

    /// After a segment was read: whether its connection is to be let go, or taken back.
    pub(crate) fn consider(
        &mut self,
        id: u32,
        segment: &Segment<'_>,
        is_low: bool,
        settings: &Settings,
        counters: &mut Counters,
        streams: &S,
    ) {
        if !settings.let_go || settings.vlan_in_key {
            return;
        }
        let now = self.now;
        let Some(flow) = self.table.get_mut(id) else { return };
        let from = direction(flow, is_low);
        let flags = segment.flags;
        if flags.has(Flags::FIN) || flags.has(Flags::RST) {
            return Self::forget(flow, &mut self.orders);
        }
        let Some(session) = flow.session.as_ref().filter(|_| !flags.has(Flags::SYN)) else { return };
        if !streams.is_unwanted(session) {
            // Each direction has its own place to go on from, which a packet of the other may not show.
            if flow.let_go.is_so() && flow.let_go.hear(from) {
                Self::forget(flow, &mut self.orders);
            }
            return;
        }
        let is_due = !flow.let_go.is_so() || now.since(flow.over) >= AGAIN;
        let (client, server) = (&flow.conn.client, &flow.conn.server);
        let is_settled = flow.is_established && flow.reset_by.is_none() && client.is_settled() && server.is_settled();
        if !is_due || !is_settled {
            return;
        }
        counters.flows_let_go += u64::from(!flow.let_go.is_so());
        flow.let_go = LetGo(LetGo::LET_GO);
        flow.over = now;
        let (low, high) = if flow.client_is_low { (client, server) } else { (server, client) };
        let reached = (low.top() as u32, high.top() as u32);
        self.orders.push(Order::LetGo { key: flow.key.in_program(), reached });
    }

    /// A flow's session is closed.
    pub(crate) fn forget(flow: &mut Flow<S::Session>, orders: &mut Vec<Order>) {
        if std::mem::take(&mut flow.let_go).is_so() {
            orders.push(Order::TakeBack(flow.key.in_program()));
        }
    }
}
