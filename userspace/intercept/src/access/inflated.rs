//! How much of a compressed session is handed over (RFC 4978): deflate makes up to 1032 octets of one, and who sends or has such mail
//! must not fill the way to the LEMF with it.

use writ_mail::access::Octets;
use writ_wire::Direction;

/// Octets that are handed over beyond what [`RATIO`] allows.
const SLACK: u64 = 8 << 20;
/// Octets that are handed over for each that crossed the wire. Text is some four times as long as what it is deflated to, lists of
/// flags up to fifteen times.
const RATIO: u64 = 20;

/// What a session's content has come to.
#[derive(Default)]
pub(super) struct Inflated {
    /// Octets of the wire that were inflated.
    taken: u64,
    /// Where those of the client and those of the server end.
    client_end: u64,
    server_end: u64,
    /// Octets that were handed over.
    told: u64,
    /// Octets that were not, and of which that was not said yet.
    left_out: u64,
}

impl Inflated {
    /// Whether these octets are handed over. All that is not counts.
    pub(super) fn admits(&mut self, octets: &Octets<'_>) -> bool {
        if !octets.inflated {
            return true;
        }
        let end = match octets.from {
            Direction::FromClient => &mut self.client_end,
            Direction::FromServer => &mut self.server_end,
        };
        // What was inflated from the same octets says so each time.
        self.taken += octets.wire.end.saturating_sub(octets.wire.start.max(*end));
        *end = octets.wire.end.max(*end);
        let length = octets.octets.len() as u64;
        let is_admitted = self.told + length <= SLACK + self.taken.saturating_mul(RATIO);
        *if is_admitted { &mut self.told } else { &mut self.left_out } += length;
        is_admitted
    }

    /// Octets that were not handed over since this was asked last.
    pub(super) fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use writ_wire::Time;

    use super::*;

    /// How much is handed over of `given` octets that `taken` gave, in pieces; and of what comes after, four for one.
    fn told(taken: u64, given: usize) -> (u64, bool) {
        let mut inflated = Inflated::default();
        let zeros = vec![0; 16 * 1024];
        let mut told = 0;
        let mut piece = |wire: std::ops::Range<u64>, octets: &[u8]| {
            let (from, time) = (Direction::FromServer, Time::MIN);
            inflated.admits(&Octets { from, time, wire, inflated: true, octets })
        };
        let pieces = (given / zeros.len()) as u64;
        for at in 0..pieces {
            if piece(taken * at / pieces..taken * (at + 1) / pieces, &zeros) {
                told += zeros.len() as u64;
            }
        }
        let goes_on = (0..1000).all(|at| piece(taken + at * 4096..taken + (at + 1) * 4096, &zeros));
        assert_eq!(told + inflated.take_left_out(), pieces * zeros.len() as u64);
        (told, goes_on)
    }

    #[test]
    fn a_bomb_is_handed_over_up_to_the_limit_and_what_follows_is_as_before() {
        let (of_bomb, goes_on) = told(66_000, 66 << 20);
        assert!(of_bomb <= SLACK + 66_000 * RATIO && of_bomb > SLACK, "{of_bomb}");
        assert!(goes_on);
        assert_eq!(told(10 << 20, 100 << 20), (100 << 20, true));
    }
}
