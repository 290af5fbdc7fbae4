//! From the workers' queues to the outlets: takes records in turn from each, encodes them and passes the PDUs on in
//! batches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Select, TryRecvError};
use writ_etsi::EncodeError;
use writ_intercept::record::Record;
use writ_wire::Time;

use crate::cin::{Beginning, CinReserve};
use crate::consignment::{Consignment, Entrance, Receipt};
use crate::counters::Counters;
use crate::encoder::Encoder;
use crate::latency::now;
use crate::link_pdu::LinkPdus;
use crate::outlet::{Callback, PduFile};
use crate::pdu::{Interface, Pdu};
use crate::spool::Spool;
use crate::stages::{Stage, Stages};

/// Records taken from one worker before the next has its turn.
const TURN: usize = 64;
/// Time between attempts to raise a reserve that could not be raised.
const RESERVE_RETRY: Duration = Duration::from_secs(1);

/// One LEMF.
pub(crate) struct Lane {
    pub(crate) name: String,
    pub(crate) encoder: Encoder,
    pub(crate) exit: Exit,
}

/// Where a lane leads.
pub(crate) enum Exit {
    Network {
        hi2: NetworkExit,
        hi3: NetworkExit,
    },
    /// An index into the files.
    File(usize),
    Callback(Callback),
}

impl Exit {
    /// The ways in of an LEMF on the network.
    pub(crate) fn entrances(&self) -> Vec<(Interface, Entrance)> {
        match self {
            Self::Network { hi2, hi3 } => {
                vec![(Interface::Hi2, hi2.entrance.clone()), (Interface::Hi3, hi3.entrance.clone())]
            }
            Self::File(_) | Self::Callback(_) => Vec::new(),
        }
    }

    /// The spools of HI2 and HI3, where there are any.
    fn spools(&self) -> [Option<&Spool>; 2] {
        let Self::Network { hi2, hi3 } = self else { return [None, None] };
        [hi2, hi3].map(|exit| match &exit.entrance {
            Entrance::Spool(spool) => Some(&**spool),
            Entrance::Buffer(_) => None,
        })
    }
}

/// One interface of an LEMF on the network.
pub(crate) struct NetworkExit {
    pub(crate) entrance: Entrance,
    pub(crate) link_pdus: Arc<LinkPdus>,
    /// PDUs of the batch at hand.
    pub(crate) staged: Vec<Pdu>,
    /// Whether numbers are counted along LIIDs, and nothing tells where another run has left off.
    pub(crate) has_lost_count: bool,
}

impl NetworkExit {
    /// Passes on what is staged.
    fn pass_on(&mut self, stages: &Stages) {
        stages.record(Stage::Encoded, now(), self.staged.iter().filter_map(Pdu::intercepted));
        let Entrance::Buffer(buffer) = &self.entrance else { return self.entrance.push(self.staged.drain(..)) };
        let times: Vec<Time> = self.staged.iter().filter_map(Pdu::intercepted).collect();
        buffer.push(self.staged.drain(..));
        stages.record(Stage::Queued, now(), times.into_iter());
    }
}

impl Entrance {
    pub(crate) fn push(&self, pdus: impl IntoIterator<Item = Pdu>) {
        match self {
            Self::Buffer(buffer) => buffer.push(pdus),
            Self::Spool(spool) => spool.push(pdus),
        }
    }
}

/// The reserve of CINs and what is known of it.
pub(crate) struct Reserve {
    reserve: CinReserve,
    round: u64,
    failed_at: Option<Instant>,
}

impl Reserve {
    pub(crate) fn new(reserve: CinReserve) -> Self {
        let round = reserve.allocator().round();
        Self { reserve, round, failed_at: None }
    }
}

/// All of it, on its own thread.
pub(crate) struct Intake {
    pub(crate) receivers: Vec<Receiver<Record>>,
    /// Records whose sender waits until they are safe; none once nobody can send any more.
    pub(crate) consignments: Option<Receiver<Consignment>>,
    /// Disconnected when the intake is to end though workers still hold their ends.
    pub(crate) stop: Receiver<()>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) files: Vec<PduFile>,
    pub(crate) reserve: Option<Reserve>,
    pub(crate) clock: Clock,
    pub(crate) counters: Arc<Counters>,
}

/// By what time encoders judge that something has waited long enough.
#[derive(Clone, Copy)]
pub(crate) enum Clock {
    /// The time that has passed, from the time of the start on: no step of the machine's clock is in it.
    Live { start: Instant, at_start: Time },
    /// The times of the records: a replay gives the same PDUs however fast it is.
    OfRecords,
}

impl Clock {
    pub(crate) fn live() -> Self {
        Self::Live { start: Instant::now(), at_start: now() }
    }

    fn now(self) -> Option<Time> {
        match self {
            Self::Live { start, at_start } => Some(at_start.after(start.elapsed())),
            Self::OfRecords => None,
        }
    }
}

impl Intake {
    /// Runs until every worker has let go of its queue, or it is told to stop. Returns how many records were left then.
    pub(crate) fn run(mut self) -> u64 {
        if self.reserve.as_ref().is_some_and(|reserve| reserve.reserve.beginning() == Beginning::Anew) {
            self.cin_reset();
        } else if self.reserve.is_some() {
            self.reset_lost_counts();
        }
        let mut batch = Vec::new();
        let mut pdus = Vec::new();
        self.settle_unchecked(&mut pdus);
        loop {
            self.gather(&mut batch);
            let is_consigned = self.consigned(&mut pdus);
            if !batch.is_empty() {
                self.cover();
                for record in batch.drain(..) {
                    self.deliver(record, &mut pdus);
                }
                self.pass_on();
            } else if is_consigned {
                // There may be more.
            } else if self.receivers.is_empty() && self.consignments.is_none() {
                self.finish(&mut pdus);
                return 0;
            } else {
                self.flush();
                self.wait();
            }
            self.tick(&mut pdus);
            if matches!(self.stop.try_recv(), Err(TryRecvError::Disconnected)) {
                self.finish(&mut pdus);
                return self.receivers.iter().map(|receiver| receiver.len() as u64).sum();
            }
        }
    }

    /// Passes on the integrity checks over what another run has left without.
    fn settle_unchecked(&mut self, pdus: &mut Vec<Pdu>) {
        let time = self.clock.now().unwrap_or_else(now);
        for lemf in 0..self.lanes.len() {
            let Some(lane) = self.lanes.get_mut(lemf) else { continue };
            let encoded = lane.encoder.settle_unchecked(time, pdus);
            self.note(lemf, encoded);
            self.dispatch(lemf, pdus);
        }
        self.pass_on();
    }

    /// Takes what there is, a turn from each worker, each time another one first. Queues that are empty for good are
    /// let go.
    fn gather(&mut self, batch: &mut Vec<Record>) {
        if self.receivers.len() > 1 {
            self.receivers.rotate_left(1);
        }
        self.receivers.retain(|receiver| {
            for _ in 0..TURN {
                match receiver.try_recv() {
                    Ok(record) => batch.push(record),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return false,
                }
            }
            true
        });
    }

    /// Passes on what encoders have due by now.
    fn tick(&mut self, pdus: &mut Vec<Pdu>) {
        let Some(now) = self.clock.now() else { return };
        let mut is_any = false;
        for lemf in 0..self.lanes.len() {
            let Some(lane) = self.lanes.get_mut(lemf) else { continue };
            if lane.encoder.next_due().is_some_and(|due| due <= now) {
                let encoded = lane.encoder.tick(now, pdus);
                self.note(lemf, encoded);
                self.dispatch(lemf, pdus);
                is_any = true;
            }
        }
        if is_any {
            self.pass_on();
        }
    }

    /// Passes on what encoders still hold: nothing more comes.
    fn finish(&mut self, pdus: &mut Vec<Pdu>) {
        for lemf in 0..self.lanes.len() {
            let Some(lane) = self.lanes.get_mut(lemf) else { continue };
            let encoded = lane.encoder.finish(pdus);
            self.note(lemf, encoded);
            self.dispatch(lemf, pdus);
        }
        self.pass_on();
        self.flush();
    }

    /// Sleeps until a worker has something or lets go, or an encoder has something due.
    fn wait(&self) {
        let mut select = Select::new();
        for receiver in &self.receivers {
            select.recv(receiver);
        }
        if let Some(consignments) = &self.consignments {
            select.recv(consignments);
        }
        select.recv(&self.stop);
        let due = self.lanes.iter().filter_map(|lane| lane.encoder.next_due()).min();
        match (self.clock.now(), due) {
            (Some(now), Some(due)) => {
                // Time is up or something is there: either is looked at next.
                let _ = select.ready_timeout(due.since(now));
            }
            _ => {
                select.ready();
            }
        }
    }

    fn deliver(&mut self, record: Record, pdus: &mut Vec<Pdu>) {
        self.counters.core.records.one();
        let lemf = record.mandate.lemf;
        let Some(lane) = self.lanes.get_mut(lemf) else {
            self.counters.core.unrouted.one();
            return;
        };
        // What is due at the time of the record goes before it.
        let due = lane.encoder.tick(self.clock.now().unwrap_or(record.time), pdus);
        let encoded = lane.encoder.encode(&record, pdus).and(due);
        self.note(lemf, encoded);
        self.dispatch(lemf, pdus);
    }

    /// Takes one consignment, if there is one, and gives the receipt.
    fn consigned(&mut self, pdus: &mut Vec<Pdu>) -> bool {
        let consignment = match self.consignments.as_ref().map(Receiver::try_recv) {
            Some(Ok(consignment)) => consignment,
            Some(Err(TryRecvError::Disconnected)) => {
                self.consignments = None;
                return false;
            }
            Some(Err(TryRecvError::Empty)) | None => return false,
        };
        let Consignment { records, lemfs, receipt } = consignment;
        let before: Vec<_> = lemfs.iter().map(|lemf| self.standing(*lemf)).collect();
        self.cover();
        for record in records {
            self.deliver(record, pdus);
        }
        for lemf in &lemfs {
            let Some(lane) = self.lanes.get_mut(*lemf) else { continue };
            let released = lane.encoder.release_all(pdus);
            self.note(*lemf, released);
            self.dispatch(*lemf, pdus);
        }
        self.pass_on();
        if let Some(receipt) = receipt {
            // Whoever does not wait for it any more has it told again.
            let _ = receipt.send(self.receipt(&lemfs, &before));
        }
        true
    }

    /// PDUs for an LEMF that were dropped so far, and the places of its spools.
    fn standing(&self, lemf: usize) -> (u64, [u64; 2]) {
        let counts = self.counters.lemfs.get(lemf);
        let dropped = counts.map_or(0, |of| of.hi2.dropped_pdus.get() + of.hi3.dropped_pdus.get());
        let places =
            self.lanes.get(lemf).map(|lane| lane.exit.spools().map(|spool| spool.map_or(0, |spool| spool.place())));
        (dropped, places.unwrap_or_default())
    }

    fn receipt(&self, lemfs: &[usize], before: &[(u64, [u64; 2])]) -> Receipt {
        let mut receipt = Receipt::default();
        for (lemf, (dropped, places)) in lemfs.iter().zip(before) {
            let Some(lane) = self.lanes.get(*lemf) else { continue };
            let spools = lane.exit.spools();
            // The thread of a spool drops too, and says so by the ticket.
            if spools.iter().all(Option::is_none) && self.standing(*lemf).0 > *dropped {
                receipt.dropped.push(*lemf);
            }
            for (spool, place) in spools.into_iter().zip(places) {
                receipt.tickets.extend(spool.map(|spool| (*lemf, spool.ticket(*place))));
            }
        }
        receipt
    }

    fn note(&self, lemf: usize, encoded: Result<(), EncodeError>) {
        if let (Err(error), Some(lane)) = (encoded, self.lanes.get(lemf)) {
            // Its text names a field and sizes, never a value. The first is logged, since one is a fault to look into;
            // the metric counts all, since whoever could cause one could cause many.
            if self.counters.core.encode_errors.get() == 0 {
                tracing::error!(lemf = lane.name, %error, "a record could not be encoded");
            }
            self.counters.core.encode_errors.one();
        }
    }

    /// Passes PDUs to where their LEMF is.
    fn dispatch(&mut self, lemf: usize, pdus: &mut Vec<Pdu>) {
        let (Some(lane), Some(counts)) = (self.lanes.get_mut(lemf), self.counters.lemfs.get(lemf)) else { return };
        match &mut lane.exit {
            Exit::Network { hi2, hi3 } => {
                for pdu in pdus.drain(..) {
                    match pdu.interface {
                        Interface::Hi2 => hi2.staged.push(pdu),
                        Interface::Hi3 => hi3.staged.push(pdu),
                    }
                }
            }
            Exit::File(file) => {
                let mut file = self.files.get_mut(*file);
                for pdu in pdus.drain(..) {
                    let link = counts.of(pdu.interface);
                    link.encoded(pdu.kind, pdu.octets.len());
                    if !file.as_mut().is_some_and(|file| file.write(&pdu.octets)) {
                        link.dropped_pdus.one();
                        link.dropped_octets.add(pdu.octets.len() as u64);
                    }
                }
            }
            Exit::Callback(callback) => {
                for pdu in pdus.drain(..) {
                    counts.of(pdu.interface).encoded(pdu.kind, pdu.octets.len());
                    callback(&lane.name, pdu.interface, &pdu.octets);
                }
            }
        }
    }

    /// Passes what is staged to the links.
    fn pass_on(&mut self) {
        let (mut sequences, mut fields_cut) = (0, 0);
        for lane in &mut self.lanes {
            sequences += lane.encoder.sequences() as u64;
            fields_cut += lane.encoder.fields_cut();
            if let Exit::Network { hi2, hi3 } = &mut lane.exit {
                for exit in [hi2, hi3] {
                    if !exit.staged.is_empty() {
                        exit.pass_on(&self.counters.latency.stages);
                    }
                }
            }
        }
        self.counters.core.sequences.set(sequences);
        self.counters.core.fields_cut.set(fields_cut);
    }

    fn flush(&mut self) {
        let failed = self.files.iter_mut().map(PduFile::flush).filter(|whole| !whole).count();
        self.counters.core.files_failed.set(failed as u64);
    }

    /// Sees to it that the CINs of what is about to leave are on disk as used, and tells LEMFs when numbering has begun
    /// anew.
    fn cover(&mut self) {
        let Some(state) = &mut self.reserve else { return };
        if state.failed_at.is_none_or(|at| at.elapsed() >= RESERVE_RETRY) {
            match state.reserve.cover() {
                Ok(()) => state.failed_at = None,
                Err(error) => {
                    // What is intercepted goes out all the same: a number that might come again after a crash does less
                    // harm than a warrant that is not served. Half a block is still covered, and the metric raises the
                    // alarm.
                    if state.failed_at.is_none() {
                        tracing::error!(%error, "cannot reserve CINs");
                    }
                    self.counters.core.cin_reserve_failures.one();
                    state.failed_at = Some(Instant::now());
                }
            }
        }
        let round = state.reserve.allocator().round();
        if round != state.round {
            state.round = round;
            tracing::warn!("every CIN has been used: numbering begins anew");
            self.cin_reset();
        }
    }

    /// `cINReset` to each LEMF for which the numbers of another run are not known: those of its LIIDs begin at 0.
    fn reset_lost_counts(&mut self) {
        for lane in &mut self.lanes {
            if let Exit::Network { hi2, hi3 } = &mut lane.exit
                && hi2.has_lost_count
                && hi3.has_lost_count
            {
                for exit in [hi2, hi3] {
                    exit.entrance.push(exit.link_pdus.cin_reset());
                }
            }
        }
    }

    /// `cINReset` to every LEMF on the network, over both interfaces: each may lead to another machine.
    fn cin_reset(&mut self) {
        for lane in &mut self.lanes {
            if let Exit::Network { hi2, hi3 } = &mut lane.exit {
                for exit in [hi2, hi3] {
                    exit.entrance.push(exit.link_pdus.cin_reset());
                }
            }
        }
    }
}
