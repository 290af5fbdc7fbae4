//! Octets of the client that cannot be read until the server has answered.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use crate::line::At;

/// Octets that wait, in pieces as they came.
#[derive(Default)]
pub(crate) struct Held {
    pieces: VecDeque<Piece>,
    cost: usize,
}

/// Octets of one packet, of which some may have been read. Passwords can be among them.
pub(crate) struct Piece {
    at: At,
    octets: Zeroizing<Vec<u8>>,
    read: usize,
}

impl Piece {
    /// What is still to be read, and where it stands.
    pub(crate) fn rest(&self) -> (At, &[u8]) {
        (self.at.plus(self.read), self.octets.get(self.read..).unwrap_or_default())
    }

    fn cost(&self) -> usize {
        self.octets.len() + size_of::<Self>()
    }
}

impl Held {
    /// Holds a piece, if there is room for it within `limit` octets. What it takes to hold a piece counts too, or pieces of
    /// one octet would cost many times the limit.
    pub(crate) fn hold(&mut self, at: At, octets: &[u8], limit: usize) -> bool {
        let piece = Piece { at, octets: Zeroizing::new(octets.to_vec()), read: 0 };
        if self.cost + piece.cost() > limit {
            return false;
        }
        self.cost += piece.cost();
        self.pieces.push_back(piece);
        true
    }

    /// The oldest piece.
    pub(crate) fn take(&mut self) -> Option<Piece> {
        let Some(piece) = self.pieces.pop_front() else {
            // What a burst took is given back.
            *self = Self::default();
            return None;
        };
        self.cost -= piece.cost();
        Some(piece)
    }

    /// The first octets that wait.
    pub(crate) fn first(&self, octets: usize) -> Vec<u8> {
        self.pieces.iter().flat_map(|piece| piece.rest().1).take(octets).copied().collect()
    }

    /// Gives back the piece of which `read` more octets were read. Nothing is copied: many commands can wait in one piece.
    pub(crate) fn give_back(&mut self, mut piece: Piece, read: usize) {
        piece.read += read;
        if piece.read < piece.octets.len() {
            self.cost += piece.cost();
            self.pieces.push_front(piece);
        }
    }

    /// Octets that it takes to hold what waits.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}
