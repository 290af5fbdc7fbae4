//! An encrypted session: of one whose client is a target by its address, what there is to tell (begin, end, octets), and its
//! packets where the warrant asks for packets.

use std::net::IpAddr;

use writ_wire::{Direction, Packet, Time};

use crate::context::Context;
use crate::cover::{Cover, Covers, Side};
use crate::packets::Tape;
use crate::record::{IriType, MailEvent, Notice, Status};
use crate::warrant::AuthenticationData;

/// What is known of a session when its encryption begins.
pub(crate) struct Dusk {
    /// The warrants that cover it already.
    pub(crate) covers: Covers,
    pub(crate) client: IpAddr,
    /// Packets that are not decided on yet.
    pub(crate) tape: Option<Box<Tape>>,
    /// Stream offsets, the client's and the server's, up to which it was in the clear, and up to which it was captured.
    pub(crate) clear_to: (u64, u64),
    pub(crate) read_to: (u64, u64),
    /// Whether it is not encrypted but compressed, and cannot be inflated any more.
    pub(crate) is_compressed: bool,
    /// When its first octets came.
    pub(crate) first: Time,
}

/// Follows one encrypted session, or one from where its encryption began.
pub(crate) struct Dark {
    covers: Covers,
    client: IpAddr,
    /// Of the index that the client was last looked up in.
    generation: u64,
    /// Octets of the client and of the server since the encryption began.
    octets: (u64, u64),
    /// Whether all of that is only compressed: a password may stand in it, and nobody can say where.
    is_compressed: bool,
    tape: Option<Box<Tape>>,
    read_to: (u64, u64),
    /// Whether what each end sends looks encrypted, once it has sent something. An end that goes on in the clear may send a
    /// password, and nothing is read any more that could tell.
    looks: (Option<bool>, Option<bool>),
}

impl Dark {
    /// A session that is encrypted from here on.
    pub(crate) fn new(dusk: Dusk, ctx: &mut Context<'_>) -> Self {
        let Dusk { covers, client, tape, clear_to, read_to, is_compressed, first } = dusk;
        // With nothing in the clear before it, that both ends speak TLS is how it was known.
        let is_tls = (clear_to == (0, 0) && read_to != (0, 0)).then_some(true);
        let octets = (read_to.0.saturating_sub(clear_to.0), read_to.1.saturating_sub(clear_to.1));
        let looks = (is_tls, is_tls);
        let mut dark = Self { covers, client, generation: 0, octets: (0, 0), is_compressed, tape, read_to, looks };
        dark.look_up(ctx);
        if octets != (0, 0) {
            dark.begin_all(first, ctx);
            dark.octets = octets;
            for (from, start, length) in
                [(Direction::FromClient, clear_to.0, octets.0), (Direction::FromServer, clear_to.1, octets.1)]
            {
                dark.grant(from, first, start, length);
            }
        }
        dark.decide(ctx);
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

    /// Octets of packets that are held.
    pub(crate) fn held(&self) -> usize {
        self.tape.as_ref().map_or(0, |tape| tape.held())
    }

    /// Whether no warrant covers it: nothing that is to come can change that but other warrants.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.tape.is_none() && self.covers.iter().next().is_none()
    }

    /// Octets that went by while nobody wanted the session.
    pub(crate) fn aside(&mut self, from: Direction, octets: u64) {
        let (sum, read_to) = match from {
            Direction::FromClient => (&mut self.octets.0, &mut self.read_to.0),
            Direction::FromServer => (&mut self.octets.1, &mut self.read_to.1),
        };
        *sum += octets;
        *read_to += octets;
    }

    /// A packet as it was captured.
    pub(crate) fn packet(&mut self, packet: &Packet<'_>, ctx: &mut Context<'_>) {
        self.look_up(ctx);
        let wanted = |cover: &Cover| cover.by_address && cover.is_whole() && cover.wants_packets();
        if self.tape.is_some() || self.covers.iter().any(wanted) {
            self.tape.get_or_insert_default().hold(packet, ctx.settings.hold_octets);
            self.decide(ctx);
        }
    }

    /// Octets in order.
    pub(crate) fn octets(&mut self, from: Direction, time: Time, offset: u64, octets: &[u8], ctx: &mut Context<'_>) {
        let looks = match from {
            Direction::FromClient => &mut self.looks.0,
            Direction::FromServer => &mut self.looks.1,
        };
        looks.get_or_insert_with(|| looks_encrypted(octets));
        self.count(from, time, offset, octets.len() as u64, ctx);
        self.grant(from, time, offset, octets.len() as u64);
        self.decide(ctx);
    }

    /// Octets that were never captured. They crossed the wire, and octets are all that can be told.
    pub(crate) fn gap(&mut self, from: Direction, time: Time, offset: u64, octets: u64, ctx: &mut Context<'_>) {
        self.count(from, time, offset, octets, ctx);
        self.decide(ctx);
    }

    fn count(&mut self, from: Direction, time: Time, offset: u64, octets: u64, ctx: &mut Context<'_>) {
        self.look_up(ctx);
        self.begin_all(time, ctx);
        let (sum, read_to) = match from {
            Direction::FromClient => (&mut self.octets.0, &mut self.read_to.0),
            Direction::FromServer => (&mut self.octets.1, &mut self.read_to.1),
        };
        *sum += octets;
        *read_to = offset + octets;
    }

    /// Lets octets go out in packets, where they are encrypted or may be a password.
    fn grant(&mut self, from: Direction, time: Time, offset: u64, octets: u64) {
        if self.is_compressed {
            return;
        }
        let looks = match from {
            Direction::FromClient => self.looks.0,
            Direction::FromServer => self.looks.1,
        };
        for cover in self.covers.iter_mut().filter(|cover| cover.by_address && cover.is_whole()) {
            let may_be_read = cover.warrant.authentication_data == AuthenticationData::Full;
            if cover.wants_packets() && cover.warrant.covers(time) && (looks == Some(true) || may_be_read) {
                cover.granted.extend(from, Side::Client, offset, octets);
            }
        }
    }

    fn decide(&mut self, ctx: &mut Context<'_>) {
        if let Some(tape) = &mut self.tape {
            // Every packet is decided on as soon as it is read: none has to be let go.
            tape.take_let_go();
            tape.decide(&mut self.covers, ctx, self.read_to);
        }
    }

    fn begin_all(&mut self, time: Time, ctx: &mut Context<'_>) {
        for at in self.covers.places(|cover| cover.by_address && cover.is_whole()) {
            self.begin(at, time, ctx);
        }
    }

    /// Tells the begin of the session, once, when octets flow: who only knocks has no session. Whether anybody logs in, and
    /// who, nobody can see.
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
        self.read_to = (u64::MAX, u64::MAX);
        self.decide(ctx);
        if self.is_compressed {
            self.tell_withheld(time, ctx);
        }
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

    /// Tells those who would have content how many octets of it did not go out.
    fn tell_withheld(&mut self, time: Time, ctx: &mut Context<'_>) {
        for at in self.covers.places(|cover| cover.is_whole() && cover.warrant.grant().is_some()) {
            let Some(cover) = self.covers.get_mut(at) else { continue };
            let octets = (self.octets.0 - cover.uncounted.0) + (self.octets.1 - cover.uncounted.1);
            if octets > 0 {
                self.covers.tell_notice(at, ctx, time, Notice::OctetsNotHeld { octets });
            }
        }
    }

    /// The session cannot be followed to its end.
    pub(crate) fn dropped(&mut self, time: Time, ctx: &mut Context<'_>) {
        for at in self.covers.places(|cover| cover.has_session() && cover.is_open()) {
            self.covers.tell_notice(at, ctx, time, Notice::SessionDropped);
        }
    }
}

/// A TLS record (RFC 8446 §5.1), or a buffer of a SASL security layer, which begins with its length in four octets
/// (RFC 4422 §3.7) and is no longer than 128 KiB.
fn looks_encrypted(octets: &[u8]) -> bool {
    matches!(octets, [0, 0 | 1, ..] | [20..=23] | [20..=23, 3, ..])
}
