//! Frames in, records out: `writ-wire` and `writ-intercept`, as the program's worker joins them.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use writ_intercept::address::Form;
use writ_intercept::record::{CcFormat, Cin, Deliver, Mandate, Record};
use writ_intercept::warrant::AuthenticationData;
use writ_intercept::{CinSource, Context, Counters, Session, Settings, Target, TargetIndex, Warrant};
use writ_wire::{Close, Connection, Direction, Frame, Packet, Streams, Time, Wire};

#[derive(Default)]
struct Cins(Cell<u32>);

impl CinSource for Cins {
    fn next_cin(&self) -> Cin {
        self.0.set(self.0.get().wrapping_add(1));
        Cin(self.0.get())
    }
}

/// A worker without its queue: records stay here until they are taken.
pub struct Worker {
    index: TargetIndex,
    settings: Settings,
    cins: Cins,
    counters: Counters,
    /// Records not yet taken.
    pub records: Vec<Record>,
}

impl Worker {
    /// A worker under these warrants.
    pub fn new(warrants: Vec<Warrant>) -> Self {
        Self {
            index: TargetIndex::new(warrants.into_iter().map(Arc::new).collect()),
            settings: Settings::default(),
            cins: Cins::default(),
            counters: Counters::default(),
            records: Vec::new(),
        }
    }

    /// What interception counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn context(&mut self) -> Context<'_> {
        Context {
            index: &self.index,
            settings: &self.settings,
            cins: &self.cins,
            counters: &mut self.counters,
            records: &mut self.records,
        }
    }
}

impl Streams for Worker {
    type Session = Session;

    fn open(&mut self, connection: &Connection, _time: Time) -> Session {
        Session::open(connection, &mut self.context())
    }

    fn packet(&mut self, session: &mut Session, packet: &Packet<'_>) {
        session.packet(packet, &mut self.context());
    }

    fn octets(&mut self, session: &mut Session, from: Direction, time: Time, offset: u64, octets: &[u8]) {
        session.octets(from, time, offset, octets, &mut self.context());
    }

    fn gap(&mut self, session: &mut Session, from: Direction, time: Time, offset: u64, length: u64) {
        session.gap(from, time, offset, length, &mut self.context());
    }

    fn close(&mut self, session: Session, _connection: &Connection, time: Time, how: Close) {
        session.close(time, how, &mut self.context());
    }
}

/// A worker and what is before it.
pub struct Pipeline {
    /// Frames to streams.
    pub wire: Wire<Worker>,
    /// Streams to records.
    pub worker: Worker,
}

impl Pipeline {
    /// The program's defaults, under these warrants.
    pub fn new(warrants: Vec<Warrant>) -> Self {
        let settings = writ_wire::Settings { hash_seed: Some(1), ..writ_wire::Settings::default() };
        Self { wire: Wire::new(settings), worker: Worker::new(warrants) }
    }

    /// Reads a frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.wire.frame(frame, &mut self.worker);
    }
}

/// A warrant for content in `cc_format` that covers all of the time.
pub fn warrant(liid: &str, cc_format: CcFormat, targets: Vec<Target>) -> Warrant {
    Warrant {
        mandate: Arc::new(Mandate { liid: liid.to_owned(), authorization_country: "NL".to_owned(), lemf: 0 }),
        start: Time::MIN,
        end: Time::MAX,
        deliver: Deliver::IriAndCc,
        cc_format,
        authentication_data: AuthenticationData::Username,
        report_failed_sends: false,
        form: Form::default(),
        targets,
        revoked: AtomicBool::new(false),
    }
}
