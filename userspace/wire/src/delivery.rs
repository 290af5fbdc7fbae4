//! Delivery: what can go on does, and what has been waited for long enough becomes a gap.

use crate::Time;
use crate::conn::{Conn, Scope};
use crate::stream::{Half, Span};
use crate::streams::{Direction, Streams};

/// Why a direction cannot go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stall {
    /// It is not known yet where it starts.
    Start,
    /// Octets before the first held piece are missing.
    Hole,
    /// The first held piece acknowledges octets of the other direction that are missing.
    Peer,
}

impl Conn {
    /// Delivers all that can be, and turns into gaps what has been waited for long enough.
    pub(crate) fn advance<S: Streams>(&mut self, scope: &mut Scope<'_, S>) {
        use Direction::{FromClient, FromServer};
        loop {
            if self.drain(FromClient, scope) | self.drain(FromServer, scope) {
                continue;
            }
            let stalls = (self.stall(FromClient), self.stall(FromServer));
            if stalls == (Some(Stall::Peer), Some(Stall::Peer)) {
                self.untie(scope);
                continue;
            }
            let late = [(FromClient, stalls.0), (FromServer, stalls.1)].into_iter().find_map(|(from, stall)| {
                stall.filter(|stall| self.is_late(from, *stall, scope)).map(|stall| (from, stall))
            });
            match late {
                Some((from, stall)) => self.resolve(from, stall, scope),
                None => break,
            }
        }
    }

    /// Reports what the ends acknowledged and nobody captured at the end of the streams. A FIN that was not captured
    /// looks as an octet does, having a sequence number (RFC 9293 §3.4). One number alone is taken for the FIN that ends
    /// nearly every connection, and so is the last of several once the other end has sent its FIN.
    pub(crate) fn report_tails<S: Streams>(&mut self, scope: &mut Scope<'_, S>) {
        for from in [Direction::FromClient, Direction::FromServer] {
            let (here, there) = self.pair(from);
            let acknowledged = here.needed(here.acked);
            let is_fin = here.fin().is_none() && (here.misses_one(acknowledged) || there.fin().is_some());
            let to = acknowledged.saturating_sub(u64::from(is_fin));
            if here.is_known() && to > here.next {
                gap(here, from, to, scope.now, scope);
            }
        }
    }

    /// Delivers the held pieces of one direction that nothing stands before any more.
    fn drain<S: Streams>(&mut self, from: Direction, scope: &mut Scope<'_, S>) -> bool {
        let (here, there) = self.pair(from);
        let mut moved = false;
        while here.anchored
            && let Some(held) = &mut here.held
        {
            let Some((at, piece)) = held.pieces.first_key_value() else {
                let (fin, since) = (held.fin, held.since);
                if fin.is_none_or(|fin| fin <= here.next) {
                    here.held = None;
                    if fin == Some(here.next) {
                        end(here, from, since, scope);
                    }
                    return true;
                }
                break;
            };
            let is_old = at + piece.length() <= here.next;
            if !is_old && (*at > here.next || there.next < there.needed(piece.need)) {
                break;
            }
            moved = true;
            deliver_first(here, from, scope);
        }
        moved
    }

    fn stall(&self, from: Direction) -> Option<Stall> {
        let here = self.half(from);
        let first = here.first_held()?;
        Some(match here.anchored {
            false => Stall::Start,
            true if first > here.next => Stall::Hole,
            true => Stall::Peer,
        })
    }

    /// Whether a direction has waited for long enough.
    fn is_late<S: Streams>(&self, from: Direction, stall: Stall, scope: &mut Scope<'_, S>) -> bool {
        let (here, there) = (self.half(from), self.half(from.flip()));
        let Some(held) = &here.held else { return false };
        if scope.flush || stall == Stall::Peer && there.absent {
            return true;
        }
        if held.cost > scope.settings.hold_octets || *scope.held > scope.settings.held_octets {
            scope.counters.hold_limits += 1;
            return true;
        }
        let is_unacknowledged = self.is_unacknowledged(from) || self.is_fin_doubtful(from);
        let patience = if stall == Stall::Hole && is_unacknowledged {
            scope.settings.retransmit_time
        } else {
            scope.settings.hold_time
        };
        scope.now.since(held.since) >= patience
    }

    /// Whether the receiver is heard and lacks what is missing here as well.
    fn is_unacknowledged(&self, from: Direction) -> bool {
        let (here, there) = (self.half(from), self.half(from.flip()));
        here.acked <= here.next && here.held.as_ref().is_some_and(|held| there.heard > held.since)
    }

    /// Whether the receiver, which is captured, has said nothing since octets came ahead of others, and acknowledged none of those
    /// that are missing. It answers what it receives at once: where it is silent, what came ahead did not arrive, and nobody says
    /// that what is missing was ever sent.
    fn is_unanswered(&self, from: Direction) -> bool {
        let (here, there) = (self.half(from), self.half(from.flip()));
        let may_be_heard = there.seen && !there.believed;
        may_be_heard && here.acked <= here.next && here.held.as_ref().is_some_and(|held| there.heard <= held.since)
    }

    /// Whether a FIN is all that says that octets are missing, and the receiver, which is captured, did not acknowledge them: a
    /// FIN that never was part of the stream looks so.
    fn is_fin_doubtful(&self, from: Direction) -> bool {
        self.half(from).holds_unacknowledged_fin() && self.half(from.flip()).seen
    }

    /// Ends a direction's wait.
    fn resolve<S: Streams>(&mut self, from: Direction, stall: Stall, scope: &mut Scope<'_, S>) {
        let waited = self.half(from).held.as_ref().map(|held| scope.now.since(held.since));
        let has_waited = |patience| !scope.flush && waited.is_some_and(|waited| waited >= patience);
        let is_lost = stall == Stall::Hole
            && (self.is_unacknowledged(from) && has_waited(scope.settings.retransmit_time)
                || self.is_unanswered(from) && has_waited(scope.settings.hold_time));
        let is_doubtful = self.is_fin_doubtful(from);
        let (here, there) = self.pair(from);
        let Some(held) = &here.held else { return };
        let (since, first) = (held.since, held.pieces.first_key_value());
        let (time, need) = first.map_or((since, 0), |(_, piece)| (piece.time, piece.need));
        match stall {
            Stall::Start => here.anchored = true,
            // What was acknowledged and not captured is reported when the connection is over, FIN or no FIN.
            Stall::Hole if is_doubtful => here.held = None,
            // Nobody sent the missing octets again, and nobody asked for them: what is held never arrived, or was never meant
            // to (a segment made to be seen by a tap alone).
            Stall::Hole if is_lost => {
                scope.counters.unacknowledged_octets +=
                    held.pieces.values().map(|piece| piece.octets.len() as u64).sum::<u64>();
                *scope.held -= held.cost;
                there.believed |= there.heard <= since;
                here.held = None;
            }
            Stall::Hole => {
                let to = here.first_held().unwrap_or(here.next);
                gap(here, from, to, time, scope);
            }
            Stall::Peer if !there.anchored => {
                there.anchored = true;
                there.absent = there.heard <= since;
            }
            // The other end was heard since, and had not sent what it should have been acknowledged for: no gap for that.
            Stall::Peer if there.heard > since && there.sent < there.needed(need) => {
                scope.counters.acks_unbelieved += 1;
                there.acked = there.top();
                deliver_first(here, from, scope);
            }
            // A FIN, more likely than an octet. If octets follow it after all, the missing one is a hole.
            Stall::Peer if there.fin().is_none() && there.misses_one(need) && there.held.is_none() => {
                there.absent = there.heard <= since;
                deliver_first(here, from, scope);
            }
            Stall::Peer => {
                there.absent = there.heard <= since;
                let need = there.needed(need);
                let to = there.first_held().map_or(need, |first| first.min(need));
                gap(there, from.flip(), to, time, scope);
            }
        }
    }

    /// Each direction's first piece acknowledges octets of the other's that were not delivered: one of the two is a
    /// retransmission, which acknowledges what the original could not know. That is the one captured later.
    fn untie<S: Streams>(&mut self, scope: &mut Scope<'_, S>) {
        let time = |half: &Half| {
            half.held.as_ref().and_then(|held| held.pieces.first_key_value()).map(|(_, piece)| piece.time)
        };
        let from = if time(&self.client) > time(&self.server) { Direction::FromClient } else { Direction::FromServer };
        deliver_first(self.pair(from).0, from, scope);
    }
}

/// Takes the first held piece out, and delivers what of it is new.
fn deliver_first<S: Streams>(here: &mut Half, from: Direction, scope: &mut Scope<'_, S>) {
    let Some(held) = &mut here.held else { return };
    let before = held.cost;
    let Some((at, piece)) = held.pop() else { return };
    *scope.held -= before - held.cost;
    if let Some((_, next)) = held.pieces.first_key_value() {
        held.since = next.arrived;
    }
    let span = Span { at, octets: &piece.octets, cut: piece.cut }.within(here.next, u64::MAX);
    deliver(here, from, span, piece.time, scope);
}

/// Hands on octets that start at `next`, and what the capture cut of them as a gap.
pub(crate) fn deliver<S: Streams>(
    here: &mut Half,
    from: Direction,
    span: Span<'_>,
    time: Time,
    scope: &mut Scope<'_, S>,
) {
    if !span.octets.is_empty() {
        let offset = here.offset(span.at);
        here.next = span.at + span.octets.len() as u64;
        scope.counters.delivered_octets += span.octets.len() as u64;
        scope.streams.octets(scope.session, from, time, offset, span.octets);
    }
    gap(here, from, here.next + u64::from(span.cut), time, scope);
}

/// Goes on at `to`, past octets that were never captured.
fn gap<S: Streams>(here: &mut Half, from: Direction, to: u64, time: Time, scope: &mut Scope<'_, S>) {
    let length = to.saturating_sub(here.next);
    if length > 0 {
        let offset = here.offset(here.next);
        here.next = to;
        here.anchored = true;
        scope.counters.gaps += 1;
        scope.counters.gap_octets += length;
        scope.streams.gap(scope.session, from, time, offset, length);
    }
}

pub(crate) fn end<S: Streams>(here: &mut Half, from: Direction, time: Time, scope: &mut Scope<'_, S>) {
    here.ended = true;
    let offset = here.offset(here.next);
    scope.streams.end(scope.session, from, time, offset);
}
