//! How an interface is captured.

use std::time::Duration;

use serde::Deserialize;
use writ_filter::{MOST_QUEUES, ports};

use super::AfxdpError;

pub use writ_filter::verdict::OtherTraffic;

/// The shortest frame that the kernel allows in a UMEM.
const SHORTEST_FRAME: u32 = 2048;
/// The longest: a page, where a UMEM is in ordinary memory.
const LONGEST_FRAME: u32 = 4096;
/// Octets of a huge page, of the size that is asked for.
pub const HUGE_PAGE: u64 = 2 << 20;
/// Entries of the largest ring or UMEM that is accepted; the kernel's own limits are beyond what is of use.
const MOST_ENTRIES: u32 = 1 << 20;

/// How an interface is captured. Every setting but the interface has a default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The interface's name. It is to carry a copy of the traffic, from a tap or a mirror port: what goes up to Writ goes
    /// nowhere else.
    pub interface: String,
    /// The receive queues that get a socket.
    #[serde(default)]
    pub queues: Queues,
    /// Frames in each queue's UMEM; a power of two. The fill ring has as many entries, so that a frame can always be given
    /// back.
    #[serde(default = "default_frame_count")]
    pub frame_count: u32,
    /// Octets of a UMEM frame: 2048 or 4096. The kernel takes 256 of them; a longer packet is dropped, and counted
    /// as too long.
    #[serde(default = "default_frame_size")]
    pub frame_size: u32,
    /// Entries of each queue's receive ring; a power of two, at most `frame_count`.
    #[serde(default = "default_rx_ring")]
    pub rx_ring: u32,
    /// Whether the frames are in huge pages (2 MiB), which the system must have reserved (`vm.nr_hugepages`).
    #[serde(default)]
    pub huge_pages: bool,
    /// Busy polling, which needs `napi_defer_hard_irqs` and `gro_flush_timeout` set on the interface to be of use.
    #[serde(default)]
    pub busy_poll: Option<BusyPoll>,
    /// What is done with packets that are not mail.
    #[serde(default, with = "OtherTrafficName")]
    pub other_traffic: OtherTraffic,
    /// TCP ports of mail, at either end.
    #[serde(default = "default_mail_ports")]
    pub mail_ports: Vec<u16>,
    /// Whether the interface is made promiscuous while it is captured, as a tap has to be.
    #[serde(default = "default_promiscuous")]
    pub promiscuous: bool,
    /// Encrypted connections that no warrant wants and that the XDP program counts without handing them up: so many at a time;
    /// 0 for none.
    #[serde(default = "default_let_go")]
    pub let_go: u32,
    /// Milliseconds after which a queue without packets is reported idle, so that its worker can see to other things.
    #[serde(default = "default_poll_timeout")]
    pub poll_timeout_ms: u16,
}

/// Which receive queues get a socket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "QueuesForm")]
pub enum Queues {
    /// All that the interface has.
    #[default]
    All,
    /// These.
    Listed(Vec<u32>),
}

/// Kernel busy polling of a queue's socket (`SO_PREFER_BUSY_POLL`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusyPoll {
    /// `SO_BUSY_POLL`, microseconds.
    pub micros: u16,
    /// `SO_BUSY_POLL_BUDGET`, packets.
    pub budget: u16,
}

/// `queues` as it is written: `"all"` or a list.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected \"all\" or a list of queue numbers")]
enum QueuesForm {
    Word(String),
    List(Vec<u32>),
}

impl TryFrom<QueuesForm> for Queues {
    type Error = &'static str;

    fn try_from(form: QueuesForm) -> Result<Self, Self::Error> {
        match form {
            QueuesForm::Word(word) if word == "all" => Ok(Self::All),
            QueuesForm::Word(_) => Err("expected \"all\" or a list of queue numbers"),
            QueuesForm::List(queues) => Ok(Self::Listed(queues)),
        }
    }
}

/// `other_traffic` as it is written.
#[derive(Deserialize)]
#[serde(remote = "OtherTraffic", rename_all = "lowercase")]
enum OtherTrafficName {
    Pass,
    Drop,
}

fn default_frame_count() -> u32 {
    4096
}

fn default_frame_size() -> u32 {
    4096
}

fn default_rx_ring() -> u32 {
    2048
}

fn default_mail_ports() -> Vec<u16> {
    ports::MAIL.to_vec()
}

fn default_promiscuous() -> bool {
    true
}

fn default_let_go() -> u32 {
    writ_filter::flow::MOST_LET_GO
}

fn default_poll_timeout() -> u16 {
    100
}

impl Settings {
    /// The defaults, for `interface`.
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            queues: Queues::default(),
            frame_count: default_frame_count(),
            frame_size: default_frame_size(),
            rx_ring: default_rx_ring(),
            huge_pages: false,
            busy_poll: None,
            other_traffic: OtherTraffic::default(),
            mail_ports: default_mail_ports(),
            promiscuous: default_promiscuous(),
            let_go: default_let_go(),
            poll_timeout_ms: default_poll_timeout(),
        }
    }

    /// Octets of each queue's frames.
    pub fn octets(&self) -> u64 {
        u64::from(self.frame_count) * u64::from(self.frame_size)
    }

    /// The longest packet that a UMEM frame holds, in octets from the Ethernet header on.
    pub fn longest_packet(&self) -> u32 {
        self.frame_size.saturating_sub(256)
    }

    pub(super) fn poll_timeout(&self) -> Duration {
        Duration::from_millis(self.poll_timeout_ms.into())
    }

    /// Checks what the kernel would refuse with less of an explanation.
    ///
    /// # Errors
    /// [`AfxdpError::Setting`] for the first setting that is out of its range.
    pub fn check(&self) -> Result<(), AfxdpError> {
        let entries = |count: u32| count.is_power_of_two() && count <= MOST_ENTRIES;
        let listed_well = match &self.queues {
            Queues::All => true,
            Queues::Listed(queues) => {
                let mut sorted = queues.clone();
                sorted.sort_unstable();
                let unique = sorted.windows(2).all(|pair| pair.first() != pair.last());
                unique && !queues.is_empty() && queues.iter().all(|queue| *queue < MOST_QUEUES)
            }
        };
        let checks = [
            (!self.interface.is_empty(), "interface", "the name of an interface"),
            (self.interface != "lo", "interface", "an interface that carries a copy of the traffic, not the loopback"),
            (listed_well, "queues", "\"all\", or different queue numbers below 128"),
            (entries(self.frame_count) && self.frame_count >= 64, "frame_count", "a power of two, 64 to 1048576"),
            ([SHORTEST_FRAME, LONGEST_FRAME].contains(&self.frame_size), "frame_size", "2048 or 4096"),
            (entries(self.rx_ring) && self.rx_ring <= self.frame_count, "rx_ring", "a power of two up to frame_count"),
            (!self.huge_pages || self.octets() >= HUGE_PAGE, "huge_pages", "2 MiB of frames for each queue, or more"),
            (!self.mail_ports.is_empty(), "mail_ports", "at least one port"),
            (self.let_go <= MOST_ENTRIES, "let_go", "0 to 1048576"),
            (self.poll_timeout_ms > 0, "poll_timeout_ms", "at least 1"),
        ];
        match checks.into_iter().find(|(good, ..)| !good) {
            Some((_, setting, expected)) => Err(AfxdpError::Setting { setting, expected }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_alone_gives_the_defaults() {
        let settings: Settings = toml::from_str("interface = \"tap0\"").unwrap();
        assert_eq!(settings, Settings::new("tap0"));
        assert_eq!(settings.mail_ports, [25, 587, 2525, 110, 143, 465, 993, 995]);
        settings.check().unwrap();
    }

    #[test]
    fn every_setting_is_read() {
        let text = "interface = \"tap0\"\nqueues = [0, 3]\nframe_count = 1024\nframe_size = 2048\nrx_ring = 512\nhuge_pages = true\n\
                    other_traffic = \"drop\"\nmail_ports = [25]\npromiscuous = false\nlet_go = 9\npoll_timeout_ms = 5\n\
                    busy_poll = { micros = 20, budget = 64 }";
        let settings: Settings = toml::from_str(text).unwrap();
        let expected = Settings {
            interface: "tap0".to_owned(),
            queues: Queues::Listed(vec![0, 3]),
            frame_count: 1024,
            frame_size: 2048,
            rx_ring: 512,
            huge_pages: true,
            busy_poll: Some(BusyPoll { micros: 20, budget: 64 }),
            other_traffic: OtherTraffic::Drop,
            mail_ports: vec![25],
            promiscuous: false,
            let_go: 9,
            poll_timeout_ms: 5,
        };
        assert_eq!(settings, expected);
        settings.check().unwrap();
        assert_eq!(settings.longest_packet(), 1792);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in ["queues = \"some\"", "other_traffic = \"keep\"", "frames = 7", "mail_ports = [70000]"] {
            assert!(toml::from_str::<Settings>(&format!("interface = \"tap0\"\n{text}")).is_err(), "{text}");
        }
        let wrong = |change: fn(&mut Settings)| {
            let mut settings = Settings::new("tap0");
            change(&mut settings);
            match settings.check() {
                Err(AfxdpError::Setting { setting, .. }) => setting,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(wrong(|settings| settings.interface.clear()), "interface");
        assert_eq!(wrong(|settings| settings.interface = "lo".to_owned()), "interface");
        assert_eq!(wrong(|settings| settings.queues = Queues::Listed(vec![])), "queues");
        assert_eq!(wrong(|settings| settings.queues = Queues::Listed(vec![1, 0, 1])), "queues");
        assert_eq!(wrong(|settings| settings.queues = Queues::Listed(vec![128])), "queues");
        assert_eq!(wrong(|settings| settings.frame_count = 100), "frame_count");
        assert_eq!(wrong(|settings| settings.frame_size = 1500), "frame_size");
        assert_eq!(wrong(|settings| settings.rx_ring = 8192), "rx_ring");
        assert_eq!(
            wrong(|settings| (settings.frame_count, settings.rx_ring, settings.huge_pages) = (256, 256, true)),
            "huge_pages"
        );
        assert_eq!(wrong(|settings| settings.mail_ports.clear()), "mail_ports");
        assert_eq!(wrong(|settings| settings.let_go = u32::MAX), "let_go");
        assert_eq!(wrong(|settings| settings.poll_timeout_ms = 0), "poll_timeout_ms");
    }
}
