//! The warrants that cover one session, and the records made under them.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use writ_wire::{Direction as From, Time};

use crate::context::Context;
use crate::packets::Granted;
use crate::record::{Body, Cc, CcFormat, Cin, Direction, Iri, IriType, MailEvent, Notice, Protocol, Record, Status};
use crate::warrant::Warrant;

/// A piece of what crossed the wire, one direction.
#[derive(Clone)]
pub(crate) struct Piece {
    pub(crate) from: From,
    /// Stream offset of the first octet.
    pub(crate) offset: u64,
    /// The time of the packet with the first octet.
    pub(crate) first: Time,
    /// The time of the packet with the last octet.
    pub(crate) last: Time,
    pub(crate) octets: Bytes,
    /// Whether `octets` differ from what crossed the wire: something secret is overwritten.
    pub(crate) redacted: bool,
}

/// Whose side of the session the target is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The client is the target, or sends for it.
    Client,
    /// What the client sends goes to the target.
    Server,
}

impl Side {
    /// `payloadDirection` of what this end sent.
    pub(crate) fn direction(self, from: From) -> Direction {
        match (self, from) {
            (Self::Client, From::FromClient) | (Self::Server, From::FromServer) => Direction::FromTarget,
            (Self::Client, From::FromServer) | (Self::Server, From::FromClient) => Direction::ToTarget,
        }
    }
}

/// One warrant that covers the session, or a part of it.
pub(crate) struct Cover {
    pub(crate) warrant: Arc<Warrant>,
    /// Taken with the first record.
    cin: Option<Cin>,
    /// Whether the client is the target, by login or address: all that it sends is covered.
    pub(crate) client: bool,
    /// Whether the begin and the end of the session are told: it is the target's, or the target sent a message in it. Other
    /// senders' messages are not covered by that.
    pub(crate) session: bool,
    /// Whether the session's begin was told, or will not be.
    pub(crate) begun: bool,
    /// What of the stream may be handed over as packets.
    pub(crate) granted: Granted,
}

/// All warrants that cover one session. Most sessions have none.
pub(crate) struct Covers {
    list: Vec<Cover>,
    protocol: Protocol,
    client: SocketAddr,
    server: SocketAddr,
}

impl Covers {
    pub(crate) fn new(protocol: Protocol, client: SocketAddr, server: SocketAddr) -> Self {
        Self { list: Vec::new(), protocol, client, server }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cover> {
        self.list.iter()
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut Cover> {
        self.list.get_mut(at)
    }

    /// The places of the warrants that have the client as a target.
    pub(crate) fn of_client(&self) -> Vec<usize> {
        self.places(|cover| cover.client)
    }

    /// The places of the warrants that the begin and end of the session are told under.
    pub(crate) fn of_session(&self) -> Vec<usize> {
        self.places(|cover| cover.session)
    }

    fn places(&self, wanted: impl Fn(&Cover) -> bool) -> Vec<usize> {
        self.list.iter().enumerate().filter(|(_, cover)| wanted(cover)).map(|(at, _)| at).collect()
    }

    /// The place of a warrant, which is added if it is new here.
    pub(crate) fn place(&mut self, warrant: &Arc<Warrant>) -> usize {
        self.list.iter().position(|cover| Arc::ptr_eq(&cover.warrant, warrant)).unwrap_or_else(|| {
            self.list.push(Cover {
                warrant: Arc::clone(warrant),
                cin: None,
                client: false,
                session: false,
                begun: false,
                granted: Granted::default(),
            });
            self.list.len() - 1
        })
    }

    /// The place of a warrant whose session this is.
    pub(crate) fn add_client(&mut self, warrant: &Arc<Warrant>) -> usize {
        let at = self.place(warrant);
        if let Some(cover) = self.list.get_mut(at) {
            cover.client = true;
            cover.session = true;
        }
        at
    }

    /// An IRI record with what every one of this session has.
    pub(crate) fn iri(&self, record_type: IriType, event: MailEvent, status: Status) -> Iri {
        Iri {
            record_type,
            event,
            protocol: self.protocol,
            client: self.client,
            server: self.server,
            client_octets: 0,
            server_octets: 0,
            sender: None,
            recipients: Vec::new(),
            total_recipients: None,
            status,
            message_id: None,
            aaa: None,
            sender_validity: None,
        }
    }

    /// Hands over IRI that was captured from `since` to `time`.
    pub(crate) fn tell_iri(&mut self, at: usize, ctx: &mut Context<'_>, since: Time, time: Time, iri: Iri) -> bool {
        let told = self.tell(at, ctx, since, time, Body::Iri(Box::new(iri)));
        ctx.counters.iri_records += u64::from(told);
        told
    }

    /// Hands over content in application form, if the warrant gives it.
    pub(crate) fn tell_content(&mut self, at: usize, ctx: &mut Context<'_>, side: Side, piece: &Piece) {
        let Some(cover) = self.list.get_mut(at) else { return };
        if piece.octets.is_empty() {
            return;
        }
        if cover.warrant.grant_for(CcFormat::IpPacket).is_some() {
            cover.granted.add(side, piece);
            return;
        }
        let Some(grant) = cover.warrant.grant_for(CcFormat::Application) else { return };
        let length = piece.octets.len() as u64;
        let content = grant.content(piece.octets.clone());
        let cc = Cc { direction: side.direction(piece.from), format: CcFormat::Application, content };
        if self.tell(at, ctx, piece.first, piece.last, Body::Cc(cc)) {
            ctx.counters.cc_records += 1;
            ctx.counters.cc_octets += length;
        }
    }

    /// Hands over an IP packet, if the warrant gives it.
    pub(crate) fn tell_packet(
        &mut self,
        at: usize,
        ctx: &mut Context<'_>,
        direction: Direction,
        time: Time,
        packet: Bytes,
    ) {
        let Some(grant) = self.list.get(at).and_then(|cover| cover.warrant.grant_for(CcFormat::IpPacket)) else {
            return;
        };
        let length = packet.len() as u64;
        let cc = Cc { direction, format: CcFormat::IpPacket, content: grant.content(packet) };
        if self.tell(at, ctx, time, time, Body::Cc(cc)) {
            ctx.counters.cc_records += 1;
            ctx.counters.cc_octets += length;
        }
    }

    /// Tells the LEMF something of the interception itself.
    pub(crate) fn tell_notice(&mut self, at: usize, ctx: &mut Context<'_>, time: Time, notice: Notice) {
        ctx.counters.notices += u64::from(self.tell(at, ctx, time, time, Body::Notice(notice)));
    }

    /// Makes a record, if all of it was captured within the warrant's interval.
    fn tell(&mut self, at: usize, ctx: &mut Context<'_>, since: Time, time: Time, body: Body) -> bool {
        let Some(cover) = self.list.get_mut(at) else { return false };
        if !cover.warrant.covers(since) || !cover.warrant.covers(time) {
            ctx.counters.outside_interval += 1;
            return false;
        }
        let cin = *cover.cin.get_or_insert_with(|| {
            ctx.counters.communications += 1;
            ctx.cins.next_cin()
        });
        ctx.records.push(Record { mandate: Arc::clone(&cover.warrant.mandate), cin, time, body });
        true
    }

    /// Whether anything was handed over under this warrant.
    pub(crate) fn is_open(&self, at: usize) -> bool {
        self.list.get(at).is_some_and(|cover| cover.cin.is_some())
    }

    /// The session is over: nothing more comes under any of its numbers.
    pub(crate) fn close(&mut self, ctx: &mut Context<'_>, time: Time) {
        for cover in self.list.drain(..) {
            if let Some(cin) = cover.cin {
                let mandate = Arc::clone(&cover.warrant.mandate);
                ctx.records.push(Record { mandate, cin, time, body: Body::Closed });
            }
        }
    }
}
