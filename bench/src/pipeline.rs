//! Frames in, records out: `writ-wire` and `writ-intercept`, as the program's worker joins them.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use writ_intercept::address::Form;
use writ_intercept::record::{CcFormat, Cin, Deliver, Mandate};
use writ_intercept::warrant::AuthenticationData;
use writ_intercept::{CinSource, Interception, Target, TargetIndex, Warrant};
use writ_wire::{Frame, Time, Wire};

/// Numbers from 1.
#[derive(Default)]
pub struct Cins(Cell<u32>);

impl CinSource for Cins {
    fn next_cin(&self) -> Cin {
        self.0.set(self.0.get().wrapping_add(1));
        Cin(self.0.get())
    }
}

/// A worker without its queue: records stay in it until they are taken.
pub type Worker = Interception<Cins>;

/// A worker under these warrants.
pub fn worker(warrants: Vec<Warrant>) -> Worker {
    let index = TargetIndex::new(warrants.into_iter().map(Arc::new).collect());
    Interception::new(Arc::new(index), Arc::default(), Cins::default())
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
        Self { wire: Wire::new(settings), worker: worker(warrants) }
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

/// A target of whom nothing is in generated traffic: addresses, logins and IP addresses in turn.
pub fn bystander(number: u32) -> Target {
    match number % 3 {
        0 => Target::Email(format!("target-{number}@example.org")),
        1 => Target::Login(format!("target-{number}")),
        _ => Target::Ip(std::net::Ipv4Addr::from_bits(0x6440_0000 + number).into(), 32),
    }
}
