//! The XDP program in the kernel: loading it, its settings, its sockets and its counters.

use std::error::Error;
use std::io;
use std::os::fd::AsRawFd;

use aya::maps::{Array, MapError, PerCpuArray, XskMap};
use aya::programs::{Xdp, XdpMode};
use aya::{Ebpf, EbpfLoader};
use writ_filter::flow::MOST_LET_GO;
use writ_filter::ports::{self, PortSet};
use writ_filter::verdict::{Count, OtherTraffic, Verdict, counter_index};
use writ_filter::{MOST_QUEUES, name, setting};

use super::link::{self, attached};
use super::{AfxdpError, AttachMode, LetGoTable, VerdictCount};

/// The program as `ebpf/build.sh` builds it.
static OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ebpf/mail_filter.bpf.o"));

/// A loaded program with maps of its own. Dropping it detaches the program.
pub struct MailFilter {
    bpf: Ebpf,
    /// The name of the one of its programs that is loaded.
    program: &'static str,
    /// Connections that may be let go at a time.
    let_go: u32,
}

/// Free places that the kernel keeps for each processor of a map that gives way to the new, and of all (kernel/bpf/bpf_lru_list.c). With so
/// many more than are used it never has to give any up.
const KEPT_FREE: u32 = 128;

impl MailFilter {
    /// Loads the program into the kernel; nothing is attached yet.
    ///
    /// # Errors
    /// [`AfxdpError::Permission`], or [`AfxdpError::Load`] with what the verifier says.
    pub fn load(mail_ports: &[u16], other_traffic: OtherTraffic) -> Result<Self, AfxdpError> {
        Self::load_sized(mail_ports, other_traffic, MOST_LET_GO, false)
    }

    /// The same, with room for so many connections that are let go, and for packets of several buffers or not (Linux 5.18).
    ///
    /// # Errors
    /// As [`MailFilter::load`].
    pub fn load_sized(
        mail_ports: &[u16],
        other_traffic: OtherTraffic,
        let_go: u32,
        jumbo: bool,
    ) -> Result<Self, AfxdpError> {
        let mut loader = EbpfLoader::new();
        let processors = aya::util::nr_cpus().ok().and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
        let kept_free = KEPT_FREE.saturating_mul(processors.saturating_add(2));
        let bpf = loader.map_max_entries(name::LET_GO, let_go.saturating_add(kept_free)).load(OBJECT);
        let bpf = bpf.map_err(|error| load_error(&error))?;
        let mut filter = Self { bpf, program: if jumbo { name::JUMBO } else { name::PROGRAM }, let_go };
        filter.set_mail_ports(mail_ports)?;
        filter.set_other_traffic(other_traffic)?;
        filter.program()?.load().map_err(|error| load_error(&error))?;
        Ok(filter)
    }

    /// The program itself, to run it on made-up packets for instance.
    ///
    /// # Errors
    /// [`AfxdpError::Load`] where the object holds no such program.
    pub fn program(&mut self) -> Result<&mut Xdp, AfxdpError> {
        self.program_named(self.program)
    }

    /// The program of the object that does nothing, loaded: what running it costs is the kernel's share of running any.
    ///
    /// # Errors
    /// [`AfxdpError::Load`].
    pub(super) fn nothing(&mut self) -> Result<&mut Xdp, AfxdpError> {
        let program = self.program_named(name::NOTHING)?;
        if program.fd().is_err() {
            program.load().map_err(|error| load_error(&error))?;
        }
        Ok(program)
    }

    fn program_named(&mut self, name: &str) -> Result<&mut Xdp, AfxdpError> {
        let program = self.bpf.program_mut(name);
        let program = program.ok_or_else(|| AfxdpError::Load { reason: format!("no program {name}") })?;
        program.try_into().map_err(|error| load_error(&error))
    }

    /// Replaces the set of mail ports, of an attached program too: each packet sees the old set or the new one, but for
    /// those that pass during the few microseconds of the change.
    ///
    /// # Errors
    /// [`AfxdpError::Map`].
    pub fn set_mail_ports(&mut self, mail_ports: &[u16]) -> Result<(), AfxdpError> {
        let set = ports::set_of(mail_ports);
        let mut map: Array<_, PortSet> = self.map(name::PORTS, Array::try_from)?;
        map.set(0, set, 0).map_err(|error| map_error(name::PORTS, &error))
    }

    /// Changes what is done with packets that are not mail.
    ///
    /// # Errors
    /// [`AfxdpError::Map`].
    pub fn set_other_traffic(&mut self, other_traffic: OtherTraffic) -> Result<(), AfxdpError> {
        let mut map: Array<_, u32> = self.map(name::SETTINGS, Array::try_from)?;
        map.set(setting::OTHER_TRAFFIC, other_traffic as u32, 0).map_err(|error| map_error(name::SETTINGS, &error))
    }

    /// The table of connections that the program lets go.
    ///
    /// # Errors
    /// [`AfxdpError::Map`].
    pub fn let_go_table(&self) -> Result<LetGoTable, AfxdpError> {
        let map = |name| self.bpf.map(name).ok_or_else(|| missing(name));
        LetGoTable::of(map(name::LET_GO)?, map(name::SETTINGS)?, self.let_go)
    }

    /// Makes `socket` the one that packets of `queue` are redirected to.
    ///
    /// # Errors
    /// [`AfxdpError::Map`], for a queue of 128 or more too.
    pub fn set_socket(&mut self, queue: u32, socket: &impl AsRawFd) -> Result<(), AfxdpError> {
        let mut map: XskMap<_> = self.map(name::SOCKETS, XskMap::try_from)?;
        map.set(queue, socket.as_raw_fd(), 0).map_err(|error| map_error(name::SOCKETS, &error))
    }

    /// Attaches to an interface, in native mode if that can be had, else in generic mode, and reads back which it is.
    ///
    /// Returns, for generic mode, why native mode was refused as well.
    ///
    /// # Errors
    /// [`AfxdpError::Occupied`] where another program is attached, which is left alone; [`AfxdpError::Attach`].
    pub fn attach(&mut self, interface: &str, index: u32) -> Result<(AttachMode, Option<String>), AfxdpError> {
        let interface = || interface.to_owned();
        let before = link::state_of(index).map_err(|error| AfxdpError::system("ask for the interface", error))?;
        if before.xdp != attached::NONE {
            return Err(AfxdpError::Occupied { interface: interface() });
        }
        let mut refusal = None;
        if let Err(native) = self.program()?.attach_to_if_index(index, XdpMode::Driver) {
            if os_error(&native).is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
                return Err(AfxdpError::denied("attach the XDP program"));
            }
            let native = with_causes(&native);
            if let Err(generic) = self.program()?.attach_to_if_index(index, XdpMode::Skb) {
                let generic = with_causes(&generic);
                return Err(AfxdpError::Attach { interface: interface(), native, generic });
            }
            refusal = Some(native);
        }
        let after = link::state_of(index).map_err(|error| AfxdpError::system("ask for the XDP mode", error))?;
        match after.xdp {
            attached::NATIVE => Ok((AttachMode::Native, refusal)),
            attached::GENERIC => Ok((AttachMode::Generic, refusal)),
            mode => Err(AfxdpError::Mode { interface: interface(), mode }),
        }
    }

    /// The counters of queues 0 to `queues - 1`, and of those past [`MOST_QUEUES`], each with every verdict. Packets that
    /// pass meanwhile may or may not be in them.
    ///
    /// # Errors
    /// [`AfxdpError::Map`].
    pub fn verdicts(&self, queues: u32) -> Result<Vec<VerdictCount>, AfxdpError> {
        let failed = |error: &MapError| map_error(name::COUNTERS, error);
        let map = self.bpf.map(name::COUNTERS).ok_or_else(|| missing(name::COUNTERS))?;
        let map: PerCpuArray<_, Count> = map.try_into().map_err(|error| failed(&error))?;
        let mut counts = Vec::new();
        for row in (0..queues.min(MOST_QUEUES)).chain([MOST_QUEUES]) {
            for verdict in Verdict::ALL {
                let values = map.get(&counter_index(row, verdict), 0).map_err(|error| failed(&error))?;
                let sum = |[packets, octets]: Count, more: &Count| [packets + more[0], octets + more[1]];
                let [packets, octets] = values.iter().fold([0, 0], sum);
                let queue = (row < MOST_QUEUES).then_some(row);
                counts.push(VerdictCount { queue, verdict, packets, octets });
            }
        }
        Ok(counts)
    }

    /// One of the maps, as what it is.
    fn map<'a, M>(
        &'a mut self,
        name: &'static str,
        typed: impl FnOnce(&'a mut aya::maps::Map) -> Result<M, MapError>,
    ) -> Result<M, AfxdpError> {
        let map = self.bpf.map_mut(name).ok_or_else(|| missing(name))?;
        typed(map).map_err(|error| map_error(name, &error))
    }
}

fn missing(map: &'static str) -> AfxdpError {
    AfxdpError::Map { map, reason: "it is not in the object".to_owned() }
}

pub(super) fn map_error(map: &'static str, error: &MapError) -> AfxdpError {
    AfxdpError::Map { map, reason: with_causes(error) }
}

pub(super) fn load_error(error: &(dyn Error + 'static)) -> AfxdpError {
    match os_error(error).and_then(io::Error::raw_os_error) {
        // EACCES is the verifier's, which says why.
        Some(libc::EPERM) => AfxdpError::denied("load the XDP program"),
        _ => AfxdpError::Load { reason: with_causes(error) },
    }
}

/// The system's error among an error's causes.
fn os_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}

/// An error with what caused it, which aya's own texts leave out here and there.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
