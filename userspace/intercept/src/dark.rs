//! An encrypted session: of one whose client is a target by its address, what there is to tell (begin, end, octets), and its
//! packets where the warrant asks for packets.

use std::net::IpAddr;

use bytes::Bytes;
use writ_wire::{Direction, Packet, Time};

use crate::context::Context;
use crate::cover::{Cover, Covers, Side};
use crate::record::{IriType, MailEvent, Notice, Status};

/// Follows one encrypted session, or one from where its encryption began.
pub(crate) struct Dark {
    covers: Covers,
    client: IpAddr,
    /// Of the index that the client was last looked up in.
    generation: u64,
    /// Octets of the client and of the server since the encryption began.
    octets: (u64, u64),
}

impl Dark {
    /// From here on, with the warrants that cover the session already.
    pub(crate) fn new(covers: Covers, client: IpAddr, ctx: &Context<'_>) -> Self {
        let mut dark = Self { covers, client, generation: 0, octets: (0, 0) };
        dark.look_up(ctx);
        dark
    }

    fn look_up(&mut self, ctx: &Context<'_>) {
        if self.generation != ctx.index.generation() {
            self.generation = ctx.index.generation();
            let mut found = Vec::new();
            ctx.index.by_ip(self.client, &mut found);
            self.covers.mark(&found, |cover| cover.by_address = true);
        }
    }

    /// A packet as it was captured.
    pub(crate) fn packet(&mut self, packet: &Packet<'_>, ctx: &mut Context<'_>) {
        self.look_up(ctx);
        let wanted = |cover: &Cover| cover.by_address && cover.is_whole() && cover.wants_packets();
        for at in self.covers.places(wanted) {
            let direction = Side::Client.direction(packet.from);
            if packet.fragments.is_empty() {
                self.covers.tell_packet(at, ctx, direction, packet.time, Bytes::copy_from_slice(packet.ip));
            }
            for fragment in packet.fragments {
                self.covers.tell_packet(at, ctx, direction, fragment.time, Bytes::copy_from_slice(fragment.ip));
            }
        }
    }

    /// Octets in order.
    pub(crate) fn octets(&mut self, from: Direction, time: Time, octets: u64, ctx: &mut Context<'_>) {
        self.look_up(ctx);
        for at in self.covers.places(|cover| cover.by_address && cover.is_whole()) {
            self.begin(at, time, ctx);
        }
        let sum = match from {
            Direction::FromClient => &mut self.octets.0,
            Direction::FromServer => &mut self.octets.1,
        };
        *sum += octets;
    }

    /// Tells the begin of the session, once, when octets flow: who only knocks has no session. Whether anybody logs in, and who, nobody can see.
    fn begin(&mut self, at: usize, time: Time, ctx: &mut Context<'_>) {
        let octets = self.octets;
        let Some(cover) = self.covers.get_mut(at) else { return };
        if cover.begun || !cover.warrant.covers(time) {
            return;
        }
        cover.begun = true;
        cover.uncounted = octets;
        let iri = self.covers.iri(IriType::Begin, MailEvent::Logon, Status::Unknown);
        self.covers.tell_iri(at, ctx, time, time, iri);
    }

    /// The connection is over.
    pub(crate) fn close(mut self, time: Time, ctx: &mut Context<'_>) {
        for at in self.covers.places(|cover| cover.has_session() && cover.begun) {
            let mut iri = self.covers.iri(IriType::End, MailEvent::Logoff, Status::Unknown);
            // Who is a target by a name alone was seen in the clear, and of what is encrypted nobody can say whose it is.
            if let Some(cover) = self.covers.get_mut(at).filter(|cover| cover.by_address) {
                iri.client_octets = self.octets.0 - cover.uncounted.0;
                iri.server_octets = self.octets.1 - cover.uncounted.1;
            }
            self.covers.tell_iri(at, ctx, time, time, iri);
        }
        self.covers.close(ctx, time);
    }

    /// The session cannot be followed to its end.
    pub(crate) fn dropped(&mut self, time: Time, ctx: &mut Context<'_>) {
        for at in self.covers.places(|cover| cover.has_session() && cover.is_open()) {
            self.covers.tell_notice(at, ctx, time, Notice::SessionDropped);
        }
    }
}
