//! When to send a keep-alive and when to give a connection up (TS 102 232-1: TIME1, TIME2, TIME3). Pure: the time comes
//! in.

use tokio::time::Instant;

use crate::settings::KeepAliveSettings;

/// What the clock asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The connection has been idle for TIME1: send a keep-alive.
    Send,
    /// No response by TIME2: count it, and go on waiting.
    Late,
    /// No response by TIME3: close the connection and open it anew.
    Missed,
    /// There is something to write and the LEMF took none of it for as long as TIME1 and TIME3 together: the same end
    /// as if a keep-alive could have been sent and was not answered.
    Stalled,
}

/// The keep-alive of one open connection.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    times: KeepAliveSettings,
    /// When an octet was last written.
    written: Instant,
    awaited: Option<Awaited>,
}

#[derive(Clone, Copy, Debug)]
struct Awaited {
    since: Instant,
    late: bool,
}

impl KeepAlive {
    pub(crate) fn new(times: KeepAliveSettings, opened: Instant) -> Self {
        Self { times, written: opened, awaited: None }
    }

    /// Octets of any PDU were written.
    pub(crate) fn written(&mut self, now: Instant) {
        self.written = now;
    }

    /// A keep-alive was written entirely.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.written = now;
        self.awaited = Some(Awaited { since: now, late: false });
    }

    /// Whether a response has to come.
    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited.is_some()
    }

    /// A response came; says whether one was awaited.
    pub(crate) fn answered(&mut self) -> bool {
        self.awaited.take().is_some()
    }

    /// When to ask [`due`](Self::due) again, if nothing happens before. `writing`: PDUs wait for the socket to take
    /// them, so that the connection is not idle.
    pub(crate) fn deadline(&self, writing: bool) -> Instant {
        match self.awaited {
            None if writing => self.written + self.times.time1 + self.times.time3,
            None => self.written + self.times.time1,
            Some(Awaited { since, late: false }) => since + self.times.time2,
            Some(Awaited { since, late: true }) => since + self.times.time3,
        }
    }

    /// What is to be done now, once each.
    pub(crate) fn due(&mut self, now: Instant, writing: bool) -> Option<Due> {
        if now < self.deadline(writing) {
            return None;
        }
        match &mut self.awaited {
            None if writing => Some(Due::Stalled),
            None => Some(Due::Send),
            Some(Awaited { late: true, .. }) => Some(Due::Missed),
            Some(awaited) => {
                awaited.late = true;
                Some(Due::Late)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const TIMES: KeepAliveSettings = KeepAliveSettings {
        time1: Duration::from_secs(100),
        time2: Duration::from_secs(30),
        time3: Duration::from_secs(60),
    };

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_pdu_puts_the_keep_alive_off() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(TIMES, start);
        assert_eq!(keep_alive.due(after(start, 99), false), None);
        keep_alive.written(after(start, 99));
        assert_eq!(keep_alive.due(after(start, 100), false), None);
        assert_eq!(keep_alive.deadline(false), after(start, 199));
        assert_eq!(keep_alive.due(after(start, 199), false), Some(Due::Send));
    }

    #[test]
    fn a_response_ends_the_wait() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(TIMES, start);
        keep_alive.sent(after(start, 100));
        assert!(keep_alive.answered());
        assert!(!keep_alive.answered(), "a second response answers nothing");
        assert_eq!(keep_alive.due(after(start, 160), false), None);
        assert_eq!(keep_alive.due(after(start, 200), false), Some(Due::Send));
    }

    #[test]
    fn without_a_response_it_is_late_once_and_then_over() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(TIMES, start);
        keep_alive.sent(start);
        assert_eq!(keep_alive.deadline(false), after(start, 30));
        assert_eq!(keep_alive.due(after(start, 30), false), Some(Due::Late));
        assert_eq!(keep_alive.due(after(start, 31), false), None);
        // PDUs that go meanwhile are no sign of life from the other end.
        keep_alive.written(after(start, 50));
        assert_eq!(keep_alive.deadline(true), after(start, 60));
        assert_eq!(keep_alive.due(after(start, 60), true), Some(Due::Missed));
    }

    #[test]
    fn while_pdus_wait_for_the_socket_the_connection_is_not_idle() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(TIMES, start);
        assert_eq!(keep_alive.due(after(start, 100), true), None);
        assert_eq!(keep_alive.due(after(start, 159), true), None);
        assert_eq!(keep_alive.due(after(start, 160), true), Some(Due::Stalled));
    }
}
