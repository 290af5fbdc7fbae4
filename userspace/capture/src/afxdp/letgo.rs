//! Connections whose packets are wanted no more: the program counts these, and hands them up to nobody.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use aya::maps::{Array, HashMap, Map, MapData, MapError};
use writ_filter::flow::{FlowKey, LetGo, place};
use writ_filter::{name, setting};

use super::AfxdpError;
use super::filter::map_error;

/// What the program counted of a connection while it was let go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LetGoTotals {
    /// Packets.
    pub packets: u64,
    /// Their octets, from the Ethernet header on.
    pub octets: u64,
}

/// The table of the connections that an interface's program lets go.
///
/// It belongs to the workers, who share it: a call is a system call or two behind a lock, so it is for a connection's turn to
/// encryption and its end, and never for a packet. It takes as many as it was made for, and no more before one is taken back: what
/// was counted of a connection is lost only if the kernel gives it up, which it does where the map itself is full.
pub struct LetGoTable {
    entries: Mutex<HashMap<MapData, FlowKey, LetGo>>,
    settings: Mutex<Array<MapData, u32>>,
    has_begun: AtomicBool,
    /// Connections in it, and how many it takes.
    held: AtomicU32,
    most: u32,
}

impl LetGoTable {
    /// A handle of its own on the maps of a loaded program.
    pub(super) fn of(entries: &Map, settings: &Map, most: u32) -> Result<Self, AfxdpError> {
        let let_go = |error: MapError| map_error(name::LET_GO, &error);
        let of_settings = |error: MapError| map_error(name::SETTINGS, &error);
        let entries = HashMap::try_from(Map::LruHashMap(again(entries, name::LET_GO)?)).map_err(let_go)?;
        let settings = Array::try_from(Map::Array(again(settings, name::SETTINGS)?)).map_err(of_settings)?;
        Ok(Self {
            entries: Mutex::new(entries),
            settings: Mutex::new(settings),
            has_begun: AtomicBool::new(false),
            held: AtomicU32::new(0),
            most,
        })
    }

    /// Whether as many are let go as may be.
    pub fn is_full(&self) -> bool {
        self.held.load(Ordering::Relaxed) >= self.most
    }

    /// When the last packet of a connection was counted, by a clock of the kernel's; 0 before the first. `None` where it is not let go.
    ///
    /// # Errors
    /// [`AfxdpError::Map`].
    pub fn last_seen(&self, key: &FlowKey) -> Result<Option<u64>, AfxdpError> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get(key, 0) {
            Ok(entry) => Ok(Some(entry[place::LAST_SEEN])),
            Err(MapError::KeyNotFound) => Ok(None),
            Err(error) => Err(map_error(name::LET_GO, &error)),
        }
    }

    /// Lets a connection go whose ends have come to these sequence numbers, the lower one's first. It is to be
    /// [taken back](Self::take_back) once; one that was let go and not taken back begins anew, and what was counted of it is lost.
    ///
    /// # Errors
    /// [`AfxdpError::Map`]; its packets go on to come up then.
    pub fn let_go(&self, key: &FlowKey, reached: (u32, u32)) -> Result<(), AfxdpError> {
        let mut entry = LetGo::default();
        entry[place::REACHED] = reached.0.into();
        entry[place::REACHED + place::HIGH] = reached.1.into();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(key, entry, 0).map_err(|error| map_error(name::LET_GO, &error))?;
        drop(entries);
        self.held.fetch_add(1, Ordering::Relaxed);
        if !self.has_begun.swap(true, Ordering::Relaxed) {
            let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
            settings.set(setting::LETS_GO, 1, 0).map_err(|error| map_error(name::SETTINGS, &error))?;
        }
        Ok(())
    }

    /// Takes a connection back that was let go: its next packet comes up again. Gives what was counted; `None` where the kernel had
    /// given it up. What is counted between reading and removing it, within microseconds, is in the counter of the verdict alone.
    ///
    /// # Errors
    /// [`AfxdpError::Map`].
    pub fn take_back(&self, key: &FlowKey) -> Result<Option<LetGoTotals>, AfxdpError> {
        let less = |held: u32| Some(held.saturating_sub(1));
        // Always there is a number.
        let _ = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match entries.get(key, 0) {
            Ok(entry) => entry,
            Err(MapError::KeyNotFound) => return Ok(None),
            Err(error) => return Err(map_error(name::LET_GO, &error)),
        };
        match entries.remove(key) {
            Ok(()) | Err(MapError::KeyNotFound) => {}
            // The kernel's own words for a key that is not there.
            Err(MapError::SyscallError(error)) if error.io_error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(map_error(name::LET_GO, &error)),
        }
        Ok(Some(LetGoTotals {
            packets: entry[place::PACKETS] + entry[place::PACKETS + place::HIGH],
            octets: entry[place::OCTETS] + entry[place::OCTETS + place::HIGH],
        }))
    }
}

/// The same map by another descriptor.
fn again(map: &Map, name: &'static str) -> Result<MapData, AfxdpError> {
    let data = match map {
        Map::LruHashMap(data) | Map::Array(data) => data,
        _ => return Err(AfxdpError::Map { map: name, reason: "it is of another kind".to_owned() }),
    };
    let fd = data.fd().as_fd().try_clone_to_owned();
    let fd = fd.map_err(|error| AfxdpError::system("copy a map's descriptor", error))?;
    MapData::from_fd(fd).map_err(|error| map_error(name, &error))
}
