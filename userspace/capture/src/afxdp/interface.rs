//! An interface under capture: the program attached to it, and a source for each queue.

use std::os::fd::OwnedFd;

use writ_filter::MOST_QUEUES;
use writ_filter::verdict::OtherTraffic;

use super::filter::MailFilter;
use super::{AfxdpError, BindMode, LetGoTable, Obtained, QueueSource, Queues, Settings, VerdictCount, link, sys};

/// Octets of an Ethernet header and two tags.
const ETHERNET_OVERHEAD: u32 = 22;

/// How the XDP program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachMode {
    /// In the driver, before the kernel has spent anything on a packet.
    Native,
    /// In the kernel's stack, for drivers without XDP: it works, and is several times slower.
    Generic,
}

/// What the kernel says of an interface now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It is up and has a carrier.
    Up,
    /// It is up, and there is no carrier: a cable, or the port at its other end.
    NoCarrier,
    /// It was set down.
    Down,
    /// There is no such interface any more.
    Gone,
}

/// An interface under capture. Dropping it detaches the program and leaves the interface as it was.
///
/// The sources that came with it stay valid then, and receive nothing more.
pub struct Interface {
    name: String,
    index: u32,
    mtu: u32,
    queues: u32,
    attach: AttachMode,
    native_refusal: Option<String>,
    filter: MailFilter,
    /// Holds the interface promiscuous.
    _promiscuous: Option<OwnedFd>,
}

impl Interface {
    /// Attaches the program to an interface and binds a socket to each of its queues that is to have one.
    ///
    /// # Errors
    /// [`AfxdpError`]; whatever was done before the error is undone.
    pub fn open(settings: &Settings) -> Result<(Self, Vec<QueueSource>), AfxdpError> {
        Self::open_placed(settings, &mut |_| {})
    }

    /// The same; `place` is called before the memory of each queue is taken, with how many queues were before it. The memory comes
    /// from the NUMA node of the core that the calling thread then runs on, and stays there.
    ///
    /// # Errors
    /// As [`Interface::open`].
    pub fn open_placed(
        settings: &Settings,
        place: &mut dyn FnMut(usize),
    ) -> Result<(Self, Vec<QueueSource>), AfxdpError> {
        settings.check()?;
        Self::attach(settings, place).map_err(|error| error.on(&settings.interface))
    }

    fn attach(settings: &Settings, place: &mut dyn FnMut(usize)) -> Result<(Self, Vec<QueueSource>), AfxdpError> {
        let name = settings.interface.clone();
        let no_interface = || AfxdpError::NoInterface { interface: name.clone() };
        let index = sys::interface_index(&name).ok_or_else(no_interface)?;
        let state = link::state_of(index).map_err(|error| AfxdpError::system("ask for the interface", error))?;
        if state.loopback {
            return Err(AfxdpError::Loopback { interface: name });
        }
        if !state.up {
            return Err(AfxdpError::Down { interface: name });
        }
        // Not every driver tells how many queues are in use; then it is as many as there can be.
        let queues = sys::receive_queues(&name).ok().filter(|queues| *queues > 0).unwrap_or(state.rx_queues);
        let captured = captured_queues(settings, queues)?;

        let promiscuous = settings.promiscuous.then(|| sys::promiscuous(index)).transpose();
        let promiscuous = promiscuous.map_err(|error| AfxdpError::system("make the interface promiscuous", error))?;
        let load = |jumbo| MailFilter::load_sized(&settings.mail_ports, settings.other_traffic, settings.let_go, jumbo);
        let is_jumbo = state.mtu.saturating_add(ETHERNET_OVERHEAD) > settings.longest_packet();
        // A kernel that knows no packets of several buffers drops those, and counts them.
        let (mut filter, is_jumbo) = match load(is_jumbo) {
            Ok(filter) => (filter, is_jumbo),
            Err(_) if is_jumbo => (load(false)?, false),
            Err(error) => return Err(error),
        };
        // Before the sockets: several drivers bind without copying only where a program is attached.
        let (attach, native_refusal) = filter.attach(&name, index)?;
        let hoped_for = match attach {
            AttachMode::Native => BindMode::ZeroCopy,
            AttachMode::Generic => BindMode::Copy,
        };
        let mut sources = Vec::with_capacity(captured.len());
        for queue in captured {
            place(sources.len());
            let source = QueueSource::bind(settings, queue, is_jumbo, Obtained { attach, bind: hoped_for })?;
            filter.set_socket(queue, source.socket())?;
            sources.push(source);
        }
        let interface =
            Self { name, index, mtu: state.mtu, queues, attach, native_refusal, filter, _promiscuous: promiscuous };
        Ok((interface, sources))
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether packets can come in now. Nothing tells of a change by itself; what was attached and bound stays so while
    /// the interface is down.
    ///
    /// # Errors
    /// [`AfxdpError::System`] where the kernel cannot be asked.
    pub fn condition(&self) -> Result<Condition, AfxdpError> {
        match link::state_of(self.index) {
            Ok(state) if state.running => Ok(Condition::Up),
            Ok(state) if state.up => Ok(Condition::NoCarrier),
            Ok(_) => Ok(Condition::Down),
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(Condition::Gone),
            Err(error) => Err(AfxdpError::system("ask for the interface", error).on(&self.name)),
        }
    }

    /// The longest packet that the interface takes, in octets without the Ethernet header: where that is more than fits into
    /// [`Settings::longest_packet`], long packets come in several frames, and a kernel before 6.6, or a driver that cannot,
    /// drops them, counted as too long.
    pub fn mtu(&self) -> u32 {
        self.mtu
    }

    /// How many receive queues the interface has, captured or not.
    pub fn queues(&self) -> u32 {
        self.queues
    }

    /// How the program is attached, as read back from the kernel.
    pub fn attach_mode(&self) -> AttachMode {
        self.attach
    }

    /// Why native mode was refused, where the program is attached in generic mode.
    pub fn native_refusal(&self) -> Option<&str> {
        self.native_refusal.as_deref()
    }

    /// What the program decided so far, for each queue and verdict. They sum to every packet that the interface received
    /// since the program was attached.
    ///
    /// # Errors
    /// [`AfxdpError::Map`].
    pub fn verdicts(&self) -> Result<Vec<VerdictCount>, AfxdpError> {
        self.filter.verdicts(self.queues)
    }

    /// The table of connections that the program lets go, for the workers.
    ///
    /// # Errors
    /// [`AfxdpError::Map`].
    pub fn let_go_table(&self) -> Result<LetGoTable, AfxdpError> {
        self.filter.let_go_table()
    }

    /// Replaces the set of mail ports while packets go on.
    ///
    /// # Errors
    /// [`AfxdpError::Map`].
    pub fn set_mail_ports(&mut self, mail_ports: &[u16]) -> Result<(), AfxdpError> {
        self.filter.set_mail_ports(mail_ports)
    }

    /// Changes what is done with packets that are not mail while packets go on.
    ///
    /// # Errors
    /// [`AfxdpError::Map`].
    pub fn set_other_traffic(&mut self, other_traffic: OtherTraffic) -> Result<(), AfxdpError> {
        self.filter.set_other_traffic(other_traffic)
    }
}

/// The queues that get a socket, of an interface that has `queues`.
fn captured_queues(settings: &Settings, queues: u32) -> Result<Vec<u32>, AfxdpError> {
    let interface = || settings.interface.clone();
    match &settings.queues {
        Queues::All if queues > MOST_QUEUES => Err(AfxdpError::TooManyQueues { interface: interface(), queues }),
        Queues::All => Ok((0..queues).collect()),
        Queues::Listed(listed) => match listed.iter().find(|queue| **queue >= queues) {
            Some(&queue) => Err(AfxdpError::NoQueue { interface: interface(), queue, queues }),
            None => Ok(listed.clone()),
        },
    }
}
