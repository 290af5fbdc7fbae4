//! Content on its way to a record.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use writ_wire::Time;

use crate::context::Context;
use crate::cover::{Cover, Covers, Piece, Side};
use crate::told::First;
use crate::warrant::Warrant;

/// Content goes out when an interaction is over (B.5, C.3), and before that in portions of so many octets: a mail that is being
/// downloaded is not held.
const PORTION: usize = 32 * 1024;
/// What is held of a session before anybody logs in: commands, of which a client needs a few.
const EARLY: usize = 64 * 1024;
/// Holes before anybody logs in that are remembered one by one.
const MAX_MISSED: usize = 16;

/// Content of one interaction.
#[derive(Default)]
pub(super) struct Stream {
    pieces: Vec<Piece>,
    octets: usize,
    /// Where they begin.
    pub(super) first: First,
}

impl Stream {
    /// Octets that it takes to hold it.
    pub(super) fn held(&self) -> usize {
        self.octets + self.pieces.len() * size_of::<Piece>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Adds octets; portions that are full are handed over to those who have the whole session.
    pub(super) fn add(&mut self, mut piece: Piece, covers: &mut Covers, ctx: &mut Context<'_>) {
        while self.octets + piece.octets.len() >= PORTION {
            // However the octets were cut on their way, the portions are the same.
            let part = piece.split_to(PORTION - self.octets);
            self.first.add(part.from, part.offset);
            self.pieces.push(part);
            self.hand_over(covers, ctx);
        }
        if !piece.octets.is_empty() {
            self.octets += piece.octets.len();
            self.first.add(piece.from, piece.offset);
            self.pieces.push(piece);
        }
    }

    /// Hands over what there is.
    pub(super) fn hand_over(&mut self, covers: &mut Covers, ctx: &mut Context<'_>) {
        let pieces = std::mem::take(&mut self.pieces);
        self.octets = 0;
        self.first = First::default();
        if pieces.is_empty() {
            return;
        }
        for at in covers.places(Cover::is_whole) {
            tell(&pieces, at, covers, ctx);
        }
    }
}

/// Hands pieces over under one warrant: neighbours of one direction as one record.
pub(super) fn tell(pieces: &[Piece], at: usize, covers: &mut Covers, ctx: &mut Context<'_>) {
    let Some(cover) = covers.get_mut(at) else { return };
    if cover.wants_packets() {
        pieces.iter().for_each(|piece| covers.tell_content(at, ctx, Side::Client, piece));
        return;
    }
    let warrant = Arc::clone(&cover.warrant);
    let is_covered = |piece: &Piece| warrant.covers(piece.first) && warrant.covers(piece.last);
    for run in pieces.chunk_by(|a, b| a.from == b.from && is_covered(a) == is_covered(b)) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let mut joined = Piece { last: last.last, ..first.clone() };
        if run.len() > 1 {
            let mut octets = BytesMut::with_capacity(run.iter().map(|piece| piece.octets.len()).sum());
            run.iter().for_each(|piece| octets.extend_from_slice(&piece.octets));
            joined.octets = octets.freeze();
        }
        covers.tell_content(at, ctx, Side::Client, &joined);
    }
}

/// What was read before anybody logged in: of no use to anybody, unless who logs in is a target.
#[derive(Default)]
pub(super) struct Early {
    /// Each with the one warrant that it is for, or for any.
    pieces: Vec<(Piece, Option<Arc<Warrant>>)>,
    cost: usize,
    /// Where they begin.
    pub(super) first: First,
    /// Octets that had no room.
    not_held: u64,
    /// Octets that were not captured: when that was found, whether the client sent them, and how many.
    missed: Vec<(Time, bool, u64)>,
}

impl Early {
    /// Octets that it takes to hold it.
    pub(super) fn held(&self) -> usize {
        self.cost
    }

    /// Holds octets, for any warrant or for one.
    pub(super) fn hold(&mut self, piece: Piece, only: Option<Arc<Warrant>>, ctx: &mut Context<'_>) {
        let cost = piece.octets.len() + size_of::<Piece>();
        if self.cost + cost > EARLY.min(ctx.settings.hold_octets) {
            self.not_held += piece.octets.len() as u64;
            ctx.counters.octets_not_held += piece.octets.len() as u64;
            return;
        }
        self.cost += cost;
        self.first.add(piece.from, piece.offset);
        self.pieces.push((piece, only));
    }

    /// Remembers octets that were not captured.
    pub(super) fn miss(&mut self, time: Time, from_client: bool, octets: u64) {
        let is_full = self.missed.len() >= MAX_MISSED;
        match self.missed.iter_mut().rev().find(|(_, is_clients, _)| is_full && *is_clients == from_client) {
            Some((last, _, missed)) => (*last, *missed) = (time, *missed + octets),
            None => self.missed.push((time, from_client, octets)),
        }
    }

    /// Octets that were not captured since this time, of the client and of the server.
    pub(super) fn missed_since(&self, since: Time) -> [(bool, u64); 2] {
        [true, false].map(|side| {
            let is_of = |(time, from_client, _): &&(Time, bool, u64)| *time >= since && *from_client == side;
            (side, self.missed.iter().filter(is_of).map(|(.., octets)| octets).sum())
        })
    }

    /// Hands over what is for this warrant; gives how many octets are missing from it.
    pub(super) fn hand_over(&self, at: usize, covers: &mut Covers, ctx: &mut Context<'_>) -> u64 {
        let Some(warrant) = covers.get_mut(at).map(|cover| Arc::clone(&cover.warrant)) else { return 0 };
        let is_for = |only: &Option<Arc<Warrant>>| only.as_ref().is_none_or(|only| Arc::ptr_eq(only, &warrant));
        let pieces: Vec<Piece> =
            self.pieces.iter().filter(|(_, only)| is_for(only)).map(|(piece, _)| piece.clone()).collect();
        tell(&pieces, at, covers, ctx);
        self.not_held
    }
}

impl Piece {
    /// Takes the first `octets` off. Of inflated octets nobody can say which are which on the wire: all of these stay with
    /// the first part.
    fn split_to(&mut self, octets: usize) -> Self {
        let mut part = self.clone();
        let rest: Bytes = part.octets.split_off(octets.min(part.octets.len()));
        let as_sent = self.on_wire == self.octets.len() as u64;
        part.on_wire = if as_sent { part.octets.len() as u64 } else { self.on_wire };
        self.octets = rest;
        self.offset += part.on_wire;
        self.on_wire -= part.on_wire;
        part
    }
}
