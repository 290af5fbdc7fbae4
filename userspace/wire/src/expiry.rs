//! The clock, and what it ends: waits, silent flows, and all flows when the capture is over.

use std::time::Duration;

use crate::conn::Scope;
use crate::flow::Class;
use crate::settings::Settings;
use crate::streams::{Close, Streams};
use crate::tracker::{NO_FLOW, Tracker};
use crate::{Counters, Time};

/// How many flows of a class are looked at for one that was not used since it was put in its list, before one is evicted
/// that was. It bounds what one new flow can cost.
const EVICTION_LOOKS: usize = 8;
/// A flow in a list is looked at again after its time-out divided by this, so that a time-out is late by that part at most.
const LOOKS_A_TIMEOUT: u32 = 8;
/// For how long nothing must be heard of a flow that is about to end, before it has: what comes late, comes by then.
const QUIET: Duration = Duration::from_secs(1);
/// A packet time that is further than this from the one before may be a broken time stamp: real captures have some, decades
/// ahead or at zero.
const STEP: Duration = Duration::from_secs(600);
/// How many packets in a row must be that far ahead before the clock follows them …
const STEP_AHEAD: usize = 16;
/// … and that far back, which ends every flow that was open before.
const STEP_BACK: usize = 64;

impl<S: Streams> Tracker<S> {
    /// Moves the clock to the time of a packet. It does not go back for packets that come late; but when many in a row are far in
    /// the past, this is another capture, and what was open in the last one is closed.
    pub(crate) fn advance_clock(&mut self, time: Time, settings: &Settings, counters: &mut Counters, streams: &mut S) {
        let is_near = time.since(self.now).max(self.now.since(time)) < STEP;
        if is_near || self.now == Time::MIN {
            self.far_off.clear();
            self.now = self.now.max(time);
            return;
        }
        let is_back = time < self.now;
        if self.far_off.len() < if is_back { STEP_BACK } else { STEP_AHEAD } {
            // Its flow is noted when it is known, if it has one.
            self.far_off.push(NO_FLOW);
            return;
        }
        let recent = std::mem::take(&mut self.far_off);
        if is_back {
            self.close_all(&recent, settings, counters, streams);
        }
        self.now = time;
        // By the old clock these were heard long ago, or will be.
        for id in recent {
            self.table.refresh(id, time);
        }
    }

    /// Moves the clock, and ends the waits and the flows whose time is up.
    pub(crate) fn tick(&mut self, now: Time, settings: &Settings, counters: &mut Counters, streams: &mut S) {
        self.now = self.now.max(now);
        let now = self.now;
        while let Some((id, since)) = self.table.waiting()
            && now.since(since) >= settings.hold_time / LOOKS_A_TIMEOUT
        {
            self.table.stop_waiting(id);
            self.look_again(id, settings, counters, streams);
        }
        for class in Class::ALL {
            let patience = timeout(class, settings);
            while let Some((id, since)) = self.table.oldest(class)
                && now.since(since) >= patience / LOOKS_A_TIMEOUT
            {
                let heard = self.table.get_mut(id).map_or(Time::MIN, |flow| flow.heard());
                if now.since(heard) < patience {
                    self.table.reclass(id, class, now);
                    continue;
                }
                self.close(id, heard.after(patience), Close::Idle, settings, counters, streams);
                self.table.remove(id);
            }
        }
    }

    /// Ends everything.
    pub(crate) fn finish(&mut self, now: Time, settings: &Settings, counters: &mut Counters, streams: &mut S) {
        self.tick(now, settings, counters, streams);
        self.close_all(&[], settings, counters, streams);
        debug_assert_eq!(self.held, 0, "every octet held was given back");
        self.held = 0;
    }

    /// Closes every flow but some.
    fn close_all(&mut self, except: &[u32], settings: &Settings, counters: &mut Counters, streams: &mut S) {
        for class in Class::ALL {
            let mut kept = 0;
            while let Some((id, _)) = self.table.oldest(class)
                && kept <= except.len()
            {
                if except.contains(&id) {
                    kept += 1;
                    self.table.reclass(id, class, self.now);
                    continue;
                }
                self.close(id, self.now, Close::Shutdown, settings, counters, streams);
                self.table.remove(id);
            }
        }
    }

    /// A flow that waited: is it late?
    fn look_again(&mut self, id: u32, settings: &Settings, counters: &mut Counters, streams: &mut S) {
        let now = self.now;
        let Some(flow) = self.table.get_mut(id) else { return };
        let Some(session) = &mut flow.session else { return };
        let mut scope = Scope { streams, session, counters, settings, held: &mut self.held, now, flush: false };
        flow.conn.advance(&mut scope);
        // By the clock, and not by the packet's own time, which may be broken.
        let reset_at = flow.reset_by.map(|from| flow.conn.half(from).heard);
        let is_ended = flow.is_about_to_end() && now.since(flow.heard()) >= QUIET;
        let patience = if is_ended { QUIET } else { settings.hold_time };
        let is_reset = reset_at.is_some_and(|at| now.since(at) >= patience);
        let must_wait = flow.must_wait();
        let (class, due, over) = (flow.class, flow.due_class(), flow.over);
        if is_reset {
            self.close(id, over, Close::Reset, settings, counters, streams);
            self.table.reclass(id, Class::Ending, now);
        } else if is_ended || flow.is_over() {
            let time = flow.heard();
            self.close(id, time, Close::Fin, settings, counters, streams);
            self.table.reclass(id, Class::Ending, now);
        } else {
            if class != due {
                self.table.reclass(id, due, now);
            }
            if must_wait {
                self.table.wait(id, now);
            }
        }
    }

    /// Hands over all that is held, reports what was never captured, and ends the session. The flow stays in the table.
    pub(crate) fn close(
        &mut self,
        id: u32,
        time: Time,
        how: Close,
        settings: &Settings,
        counters: &mut Counters,
        streams: &mut S,
    ) {
        let now = self.now;
        let Some(flow) = self.table.get_mut(id) else { return };
        let Some(mut session) = flow.session.take() else { return };
        Self::forget(flow, &mut self.orders);
        let mut scope =
            Scope { streams, session: &mut session, counters, settings, held: &mut self.held, now, flush: true };
        flow.conn.advance(&mut scope);
        flow.conn.report_tails(&mut scope);
        // What was seen of its end says more than what made the table give it up.
        let (how, time) = match how {
            _ if flow.reset_by.is_some() => (Close::Reset, flow.over.max(Time::MIN)),
            Close::Idle | Close::Reused if flow.conn.client.ended || flow.conn.server.ended => (Close::Fin, time),
            Close::Shutdown | Close::Evicted if flow.conn.client.ended && flow.conn.server.ended => (Close::Fin, time),
            how => (how, time),
        };
        match how {
            Close::Fin => counters.flows_closed_fin += 1,
            Close::Reset => counters.flows_closed_reset += 1,
            Close::Idle => counters.flows_closed_idle += 1,
            Close::Reused => counters.flows_closed_reused += 1,
            Close::Evicted => counters.flows_evicted += 1,
            Close::Shutdown => counters.flows_closed_shutdown += 1,
        }
        let connection = flow.connection();
        self.table.stop_waiting(id);
        streams.close(session, &connection, time, how);
    }

    /// Makes a place in the table, when it is full, at the expense of the flow that is missed least.
    pub(crate) fn make_room(&mut self, settings: &Settings, counters: &mut Counters, streams: &mut S) {
        if self.table.len() < settings.max_flows.max(1) {
            return;
        }
        for class in Class::ALL {
            for look in 0..=EVICTION_LOOKS {
                let Some((id, since)) = self.table.oldest(class) else { break };
                let was_used = self.table.get_mut(id).is_some_and(|flow| flow.heard() > since);
                if was_used && look < EVICTION_LOOKS {
                    self.table.reclass(id, class, self.now);
                    continue;
                }
                self.close(id, self.now, Close::Evicted, settings, counters, streams);
                self.table.remove(id);
                return;
            }
        }
    }
}

fn timeout(class: Class, settings: &Settings) -> Duration {
    match class {
        Class::Ending => settings.linger_time,
        Class::HalfOpen => settings.half_open_time,
        Class::Quiet | Class::Active => settings.idle_time,
    }
}
