//! Running the program on packets made by hand, without an interface: to see what it decides and what that costs.

use std::os::fd::OwnedFd;

use aya::programs::{TestRun as _, TestRunOptions, Xdp};

use super::filter::{MailFilter, load_error};
use super::{AfxdpError, OtherTraffic, sys};

/// What came of running a program on one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// What the program returned, an `XDP_` number of linux/bpf.h.
    pub action: u32,
    /// Nanoseconds that a run took: the kernel's own mean over all of them, rounded down.
    pub nanos: u64,
}

/// A loaded program that is attached to nothing, and a socket behind its queue 0 that nothing is bound to.
pub struct Trials {
    filter: MailFilter,
    /// In the program's map.
    _socket: OwnedFd,
}

impl Trials {
    /// Loads the program.
    ///
    /// # Errors
    /// [`AfxdpError`], as [`MailFilter::load`]; [`AfxdpError::System`] where there is no AF_XDP.
    pub fn new(mail_ports: &[u16], other_traffic: OtherTraffic) -> Result<Self, AfxdpError> {
        let mut filter = MailFilter::load(mail_ports, other_traffic)?;
        let socket = sys::socket(libc::AF_XDP, libc::SOCK_RAW, 0);
        let socket = socket.map_err(|error| AfxdpError::system("make an AF_XDP socket", error))?;
        filter.set_socket(0, &socket)?;
        Ok(Self { filter, _socket: socket })
    }

    /// The program and its maps.
    pub fn filter(&mut self) -> &mut MailFilter {
        &mut self.filter
    }

    /// Runs the program on `frame`, as if queue 0 had received it, so many times (`BPF_PROG_TEST_RUN`).
    ///
    /// # Errors
    /// [`AfxdpError::Load`] where the kernel refuses to, as for a frame of fewer than 14 octets.
    pub fn run(&mut self, frame: &[u8], times: u32) -> Result<Trial, AfxdpError> {
        run(self.filter.program()?, frame, times)
    }

    /// The same with a program that does nothing: what of the time is the kernel's own.
    ///
    /// # Errors
    /// As [`Trials::run`].
    pub fn run_nothing(&mut self, frame: &[u8], times: u32) -> Result<Trial, AfxdpError> {
        run(self.filter.nothing()?, frame, times)
    }
}

fn run(program: &mut Xdp, frame: &[u8], times: u32) -> Result<Trial, AfxdpError> {
    let options = TestRunOptions { data_in: Some(frame), repeat: times, ..TestRunOptions::default() };
    let result = program.test_run(options).map_err(|error| load_error(&error))?;
    let nanos = u64::try_from(result.duration.as_nanos()).unwrap_or(u64::MAX);
    Ok(Trial { action: result.return_value, nanos })
}
