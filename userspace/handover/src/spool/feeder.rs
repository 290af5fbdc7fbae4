//! The thread of a spool: puts on disk what waits, feeds the buffer, lets go what the LEMF has.

mod left;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::Sender;
use hashbrown::HashMap;

use super::coverage::Coverage;
use super::key::SpoolKey;
use super::log::{Log, Next};
use super::state::{Lost, MAGIC, State};
use super::taken::Taken;
use super::waiting::{Standing, Waiting};
use super::{Parts, SpoolError, format, reserve};
use crate::consignment::Kept;
use crate::latency::now;
use crate::pdu::Pdu;
use crate::settings::Numbering;
use crate::stages::Stage;

/// PDUs, and their octets, that are put on disk at a time.
const BATCH_PDUS: usize = 4096;
const BATCH_OCTETS: usize = 4 << 20;
/// PDUs that are fed before it is looked again whether others wait.
const FEED_PDUS: usize = 1024;
/// How often the state is written, while it changes. What the LEMF got since comes again after a crash.
const SAVE: Duration = Duration::from_secs(1);
/// How often the position alone is written, which is not synced: a file that changes all the time makes syncing others slow.
const NOTE: Duration = Duration::from_millis(10);
/// How long after a disk has failed it is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// When there is nothing to do.
const LONG: Duration = Duration::from_secs(3600);

/// What the settings say.
pub(super) struct Policy {
    /// Octets on disk.
    pub(super) limit: u64,
    /// Of content: the octets that IRI may have on disk.
    pub(super) reserve: Option<u64>,
    /// Whether the oldest goes when it is full; else the newest.
    pub(super) evicts: bool,
    /// How long a PDU waits for others.
    pub(super) interval: Duration,
    /// How many do not wait.
    pub(super) pdus: usize,
}

/// What the buffer holds and has not let go yet.
struct Fed {
    /// The place in the buffer after it.
    place: u64,
    /// The position in the log after it.
    position: u64,
    told: Told,
}

/// What is to be known of a PDU in the buffer besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It is one of the log.
    Nothing,
    /// It tells the LEMF of these.
    Loss(Lost),
    /// It is not on disk, and has so many octets.
    PassedBy(u64),
}

/// All that the thread has.
pub(super) struct Feeder {
    log: Log,
    state: PathBuf,
    taken: Taken,
    key: SpoolKey,
    policy: Policy,
    parts: Parts,
    waiting: Arc<Waiting>,
    finished: Option<Sender<()>>,
    numbers: HashMap<String, u32>,
    coverage: Coverage,
    fed: VecDeque<Fed>,
    /// Every record before this position has left.
    released: u64,
    /// Given up at the front; the LEMF is told before what remains.
    untold: Lost,
    /// Not taken since the spool is full; the LEMF is told in its place, once there is room.
    refused: Lost,
    /// The disk failed: when it is tried again.
    failed: Option<Instant>,
    saved: Instant,
    changed: bool,
    /// The position that was noted last, and when.
    noted: (u64, Instant),
}

impl Feeder {
    pub(super) fn open(
        folder: &Path,
        key: SpoolKey,
        policy: Policy,
        parts: Parts,
        waiting: Arc<Waiting>,
        finished: Sender<()>,
    ) -> Result<Self, SpoolError> {
        let failed = |source| SpoolError::Io { folder: folder.to_owned(), source };
        let path = folder.join("state");
        format::check(&path, MAGIC)?;
        let found = State::read(&path, &key).map_err(failed)?;
        if found.is_none() && path.exists() {
            tracing::warn!(lemf = parts.lemf, "the state of a spool cannot be read: all that is in it goes again");
        }
        let state = found.unwrap_or_default();
        let (log, recovered) = Log::open(folder, parts.interface, key.clone(), policy.limit, state.released)?;
        if recovered.torn > 0 {
            let (interface, octets) = (parts.interface.name(), recovered.torn);
            tracing::warn!(lemf = parts.lemf, interface, octets, "the end of a spool was torn: cut off");
            parts.counters.spool_torn.one();
        }
        let (taken, position) = Taken::open(&folder.join("taken")).map_err(failed)?;
        // What was given up is told once more rather than in a wrong place.
        let as_told = state.gap.is_none() && state.untold.is_none();
        let released = position.filter(|position| as_told && (state.released..=log.next()).contains(position));
        let mut feeder = Self {
            log,
            state: path,
            taken,
            key,
            policy,
            parts,
            waiting,
            finished: Some(finished),
            numbers: state.next,
            coverage: Coverage::default(),
            fed: VecDeque::new(),
            released: released.unwrap_or(state.released),
            untold: state.untold,
            refused: Lost::default(),
            failed: None,
            saved: Instant::now(),
            changed: true,
            noted: (0, Instant::now()),
        };
        feeder.parts.link_pdus.go_on_from(state.link_next);
        feeder.look_back(state.as_of, state.covered).map_err(failed)?;
        feeder.log.read_from(feeder.released);
        feeder.log.set_gap(state.gap);
        feeder.released = feeder.log.position();
        let not_needed = feeder.not_needed();
        feeder.log.release(not_needed).map_err(failed)?;
        feeder.gauge();
        Ok(feeder)
    }

    pub(super) fn run(mut self) {
        loop {
            let standing = self.waiting.standing();
            if standing.pdus == 0 {
                self.failed = self.failed.filter(|again| Instant::now() < *again);
            }
            self.persist(&standing);
            let more = self.feed();
            self.release();
            if self.waiting.is_unsettled() && !self.fed.iter().any(|fed| matches!(fed.told, Told::PassedBy(_))) {
                self.waiting.settled();
            }
            if self.changed && self.saved.elapsed() >= SAVE {
                self.save();
            }
            self.gauge();
            self.finish(&standing);
            if standing.closed {
                break;
            }
            if !more {
                self.waiting.wait(self.next_look());
            }
        }
        self.release();
        let _ = self.taken.note(self.released);
        self.save();
        let not_needed = self.not_needed();
        let _ = self.log.release(not_needed);
        self.gauge();
        let mut left = Lost::default();
        for fed in &self.fed {
            if let Told::PassedBy(octets) = fed.told {
                left.add(Lost { pdus: 1, octets });
            }
        }
        self.waiting.leave(left);
    }

    /// Puts on disk what has waited long enough.
    fn persist(&mut self, standing: &Standing) {
        let ending = standing.closed || standing.finish.is_some();
        let waited = standing.since.is_some_and(|since| since.elapsed() >= self.policy.interval);
        if !(ending || waited || standing.pdus >= self.policy.pdus) && self.refused.is_none() {
            return;
        }
        if self.failed.is_some_and(|again| Instant::now() < again) && !standing.closed {
            self.pass_by();
            return;
        }
        let done = self.persist_all();
        if let Err(error) = &done {
            self.parts.counters.spool_failures.one();
            if self.failed.is_none() {
                let (interface, error) = (self.parts.interface.name(), error.kind());
                tracing::error!(lemf = self.parts.lemf, interface, %error, "cannot write the spool");
            }
            self.failed = Some(Instant::now() + RETRY);
            self.pass_by();
        } else if self.failed.take().is_some() {
            tracing::info!(
                lemf = self.parts.lemf,
                interface = self.parts.interface.name(),
                "the spool is written again"
            );
        }
    }

    fn persist_all(&mut self) -> io::Result<()> {
        loop {
            let batch = self.waiting.front(BATCH_PDUS, BATCH_OCTETS);
            if batch.is_empty() {
                self.refused.add(self.waiting.lost());
                return self.tell_refused();
            }
            self.tell_refused()?;
            if !self.make_room(Log::cost(&batch))? {
                self.refuse(&batch);
                continue;
            }
            if let (Some(iri), Some(folder)) = (self.policy.reserve, self.state.parent()) {
                reserve::check(folder, Log::cost(&batch), iri)?;
            }
            self.append(&batch)?;
            self.waiting.taken(batch.len(), Kept::Synced);
            if self.parts.numbering == Numbering::PerLiid {
                batch.iter().for_each(|pdu| self.note(pdu));
            }
        }
    }

    /// Puts PDUs on disk, and on to the buffer if all before them went.
    fn append(&mut self, batch: &[Pdu]) -> io::Result<()> {
        if self.log.begins_segment() {
            // The numbers up to here, for those of later records are looked for in these alone.
            self.write_state()?;
        }
        let next_in_turn = self.log.is_read() && self.untold.is_none();
        self.log.append(batch)?;
        self.coverage.appended(batch, self.log.next());
        self.parts.counters.spool_written.add(batch.len() as u64);
        self.parts.latency.stages.record(Stage::Queued, now(), batch.iter().filter_map(Pdu::intercepted));
        if next_in_turn {
            let mut went = 0;
            for pdu in batch {
                if !self.parts.buffer.has_room() {
                    break;
                }
                went += 1;
                let position = self.log.position() + went;
                self.hand_on(pdu.clone(), position, Told::Nothing);
            }
            let others = batch.get(went as usize..).unwrap_or_default();
            self.log.skip(went, others);
        }
        Ok(())
    }

    /// Whether so many octets may be added, once what has to give way has.
    fn make_room(&mut self, cost: u64) -> io::Result<bool> {
        if !self.refused.is_none() {
            return Ok(false);
        }
        if self.log.octets() + cost > self.policy.limit {
            let not_needed = self.not_needed();
            self.log.release(not_needed)?;
        }
        if !self.policy.evicts {
            return Ok(self.log.octets() + cost <= self.policy.limit);
        }
        while self.log.octets() + cost > self.policy.limit {
            // Without one all that is there is on its way: what comes has to wait for its turn, as with the other policy.
            let Some(lost) = self.log.evict()? else { return Ok(false) };
            self.changed = true;
            if !lost.is_none() {
                if self.untold.is_none() {
                    self.parts.counters.full_episodes.one();
                    self.say_full();
                }
                self.parts.counters.dropped_pdus.add(lost.pdus);
                self.parts.counters.dropped_octets.add(lost.octets);
                self.untold.add(lost);
            }
        }
        Ok(true)
    }

    fn refuse(&mut self, batch: &[Pdu]) {
        if self.refused.is_none() {
            self.parts.counters.full_episodes.one();
            self.say_full();
        }
        for pdu in batch {
            self.refused.add(Lost { pdus: 1, octets: pdu.octets.len() as u64 });
        }
        self.parts.counters.dropped_pdus.add(batch.len() as u64);
        self.parts.counters.dropped_octets.add(batch.iter().map(|pdu| pdu.octets.len() as u64).sum());
        self.waiting.taken(batch.len(), Kept::Dropped);
        self.changed = true;
    }

    fn say_full(&self) {
        tracing::warn!(lemf = self.parts.lemf, interface = self.parts.interface.name(), "spool full: PDUs are lost");
    }

    /// Once an eighth is free: the message in the place of what was not taken.
    fn tell_refused(&mut self) -> io::Result<()> {
        if self.refused.is_none() || self.log.octets() > self.policy.limit - self.policy.limit / 8 {
            return Ok(());
        }
        let lost = self.refused;
        if let Ok(message) = self.parts.link_pdus.dropped(lost.pdus, lost.octets) {
            self.append(std::slice::from_ref(&message))?;
            self.parts.counters.encoded(message.kind, message.octets.len());
        }
        self.refused = Lost::default();
        self.changed = true;
        Ok(())
    }

    /// While the disk takes nothing and all that is on it went: PDUs go as without a spool.
    fn pass_by(&mut self) {
        while self.log.is_read() && self.untold.is_none() && self.parts.buffer.has_room() {
            let Some(pdu) = self.waiting.front(1, 0).pop() else { break };
            let octets = pdu.octets.len() as u64;
            self.hand_on(pdu, self.log.next(), Told::PassedBy(octets));
            self.waiting.taken(1, Kept::Unsettled);
        }
    }

    /// Feeds the buffer while it has room; says whether there is more to be fed at once.
    fn feed(&mut self) -> bool {
        for _ in 0..FEED_PDUS {
            if !self.parts.buffer.has_room() {
                return false;
            }
            if self.log.gap().is_none() {
                self.tell_given_up();
            }
            match self.log.read() {
                Ok(Some(Next::GivenUp)) => self.tell_given_up(),
                Ok(Some(Next::Pdu(pdu))) => self.hand_on(pdu, self.log.position(), Told::Nothing),
                Ok(Some(Next::Unreadable(pdus))) => {
                    let interface = self.parts.interface.name();
                    tracing::error!(lemf = self.parts.lemf, interface, pdus, "PDUs cannot be read from the spool");
                    self.parts.counters.spool_unreadable.add(pdus);
                    let message = self.parts.link_pdus.unreadable(pdus);
                    self.tell(message.ok(), Told::Nothing);
                }
                Ok(None) => return false,
                Err(error) => {
                    self.parts.counters.spool_failures.one();
                    let (interface, error) = (self.parts.interface.name(), error.kind());
                    tracing::error!(lemf = self.parts.lemf, interface, %error, "cannot read the spool");
                    self.failed = Some(Instant::now() + RETRY);
                    return false;
                }
            }
        }
        true
    }

    /// Tells what was given up, in its place.
    fn tell_given_up(&mut self) {
        let lost = std::mem::take(&mut self.untold);
        if !lost.is_none() {
            let message = self.parts.link_pdus.dropped(lost.pdus, lost.octets);
            self.tell(message.ok(), Told::Loss(lost));
        }
    }

    fn tell(&mut self, message: Option<Pdu>, told: Told) {
        let Some(message) = message else { return };
        self.parts.counters.encoded(message.kind, message.octets.len());
        self.hand_on(message, self.log.position(), told);
    }

    fn hand_on(&mut self, pdu: Pdu, position: u64, told: Told) {
        let place = self.parts.buffer.feed(pdu);
        self.fed.push_back(Fed { place, position, told });
    }

    /// Lets go what the buffer has let go.
    fn release(&mut self) {
        let let_go = self.parts.buffer.let_go_before();
        while let Some(fed) = self.fed.pop_front_if(|fed| fed.place <= let_go) {
            self.released = self.released.max(fed.position);
            self.changed = true;
        }
        if self.released > self.noted.0 && self.noted.1.elapsed() >= NOTE {
            // Without it the LEMF gets more of it twice.
            let _ = self.taken.note(self.released);
            self.noted = (self.released, Instant::now());
        }
        let not_needed = self.not_needed();
        if self.log.would_remove(not_needed) && self.save() {
            // What cannot be removed now is tried again with the next.
            let _ = self.log.release(not_needed);
        }
    }

    /// What is before this position has left, and needs no integrity check. What has left makes room in time, though it has none.
    fn not_needed(&mut self) -> u64 {
        let covered = self.coverage.covered();
        if covered < self.released
            && self.log.would_remove(self.released)
            && self.log.octets() > self.policy.limit / 4 * 3
        {
            self.parts.counters.spool_unchecked.one();
            self.coverage.give_up(self.released);
        }
        self.released.min(self.coverage.covered())
    }

    fn save(&mut self) -> bool {
        self.saved = Instant::now();
        match self.write_state() {
            Ok(()) => true,
            Err(error) => {
                self.parts.counters.spool_failures.one();
                tracing::debug!(lemf = self.parts.lemf, error = %error.kind(), "cannot write the state of a spool");
                false
            }
        }
    }

    fn write_state(&mut self) -> io::Result<()> {
        let mut untold = self.untold;
        untold.add(self.refused);
        for fed in &self.fed {
            if let Told::Loss(lost) = fed.told {
                untold.add(lost);
            }
        }
        let state = State {
            released: self.released,
            as_of: self.log.next(),
            covered: self.coverage.covered(),
            gap: self.log.gap(),
            untold,
            link_next: self.parts.link_pdus.next(),
            next: self.numbers.clone(),
        };
        state.write(&self.state, &self.key)?;
        self.changed = false;
        Ok(())
    }

    /// Says once that everything has gone to the buffer, or will not in time.
    fn finish(&mut self, standing: &Standing) {
        let Some(deadline) = standing.finish else { return };
        let away = self.parts.counters.connected.get() == 0;
        let gone = self.waiting.standing().pdus == 0 && (self.log.is_read() || away);
        if (gone || Instant::now() >= deadline)
            && let Some(finished) = self.finished.take()
        {
            let _ = finished.try_send(());
        }
    }

    fn next_look(&self) -> Instant {
        let standing = self.waiting.standing();
        let now = Instant::now();
        let looks = [
            standing.since.filter(|_| self.failed.is_none()).map(|since| since + self.policy.interval),
            self.failed,
            self.changed.then(|| self.saved + SAVE),
            (self.released > self.noted.0).then(|| self.noted.1 + NOTE),
            standing.finish.filter(|_| self.finished.is_some()).map(|_| now + Duration::from_millis(20)),
        ];
        looks.into_iter().flatten().min().unwrap_or(now + LONG)
    }

    fn gauge(&self) {
        self.parts.counters.spool_octets.set(self.log.octets());
        self.parts.counters.spool_pdus.set(self.log.next() - self.released);
    }
}
