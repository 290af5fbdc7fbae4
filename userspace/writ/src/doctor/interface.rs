//! Whether an interface gives Writ each packet as it was on the wire, and on enough queues.

use writ_capture::afxdp::{Queues, Settings};

use super::Finding;
use super::machine::{Machine, value};
use super::memory;
use crate::config::Cores;

/// The longest that Ethernet's header with two VLAN tags is.
const LINK_HEADER: u32 = 22;
/// `IFF_PROMISC`.
const PROMISCUOUS: u32 = 0x100;

/// What is found about one `[[interface]]`.
pub(super) fn examine(machine: &Machine, settings: &Settings, cores: &Cores) -> Vec<Finding> {
    let name = settings.interface.as_str();
    let of = |file: &str| format!("/sys/class/net/{name}/{file}");
    if !machine.exists(&of("")) {
        return vec![Finding::problem(name, "interface", "not there", "check the name: `ip link` lists what there is")];
    }
    let mut findings = vec![link(machine, name), promiscuous(machine, settings), length(machine, settings)];
    match machine.ethtool(&["-k", name]) {
        Some(features) => findings.extend(offloads(name, &features)),
        None => findings.push(Finding::advice(
            name,
            "offloads",
            "cannot be asked",
            "install ethtool: a card that joins packets (LRO, GRO) or takes VLAN tags off shows Writ what was not on the wire",
        )),
    }
    let queues = queues(machine, name);
    findings.push(queue_use(name, &settings.queues, queues));
    if queues > 1 {
        findings.push(spread(machine, name));
    }
    findings.extend(ring(machine, name));
    findings.extend(busy_poll(machine, settings));
    findings.extend(memory::examine(machine, settings, cores, queues));
    findings
}

fn link(machine: &Machine, name: &str) -> Finding {
    let state = machine.read(&format!("/sys/class/net/{name}/operstate")).unwrap_or_default();
    let driver = machine.link_name(&format!("/sys/class/net/{name}/device/driver"));
    let driver = driver.map_or_else(|| "no driver of a card".to_owned(), |driver| format!("driver {driver}"));
    // Some drivers do not say; what they carry can be seen all the same.
    if state == "up" || state == "unknown" {
        return Finding::good(name, "link", format!("{state}, {driver}"));
    }
    Finding::problem(
        name,
        "link",
        format!("{state}, {driver}"),
        format!("`ip link set dev {name} up`; check the cable"),
    )
}

fn promiscuous(machine: &Machine, settings: &Settings) -> Finding {
    let name = settings.interface.as_str();
    let flags = machine.read(&format!("/sys/class/net/{name}/flags")).unwrap_or_default();
    let is_set = u32::from_str_radix(flags.trim_start_matches("0x"), 16).is_ok_and(|flags| flags & PROMISCUOUS != 0);
    match (settings.promiscuous, is_set) {
        (true, _) => Finding::good(name, "promiscuous", "set by Writ while it runs"),
        (false, true) => Finding::good(name, "promiscuous", "set"),
        (false, false) => Finding::problem(
            name,
            "promiscuous",
            "not set, and Writ is told not to",
            "`promiscuous = true`: else the card drops what is not for its own address, which on a tap is everything",
        ),
    }
}

fn length(machine: &Machine, settings: &Settings) -> Finding {
    let name = settings.interface.as_str();
    let room = settings.longest_packet();
    let mtu = machine.read(&format!("/sys/class/net/{name}/mtu")).and_then(|mtu| mtu.parse::<u32>().ok());
    match mtu {
        Some(mtu) if mtu + LINK_HEADER > room => Finding::advice(
            name,
            "packet length",
            format!("MTU {mtu}, room for {room} octets"),
            "packets that need more come in several frames, where the driver can (XDP with fragments; Writ says so at its start); \
             else they are counted and not read",
        ),
        Some(mtu) => Finding::good(name, "packet length", format!("MTU {mtu}, room for {room} octets")),
        None => Finding::advice(name, "packet length", "not known", "compare the MTU with `frame_size`"),
    }
}

/// What joins packets, or takes something off them, before XDP sees them; and what does no harm in native mode alone.
fn offloads(name: &str, features: &str) -> Vec<Finding> {
    let is_on = |feature: &str| value(features, "", feature).is_some_and(|value| value.starts_with("on"));
    let mut findings = Vec::new();
    for (feature, short) in [("large-receive-offload", "lro"), ("rx-gro-hw", "rx-gro-hw")] {
        findings.push(if is_on(feature) {
            let why = "the card joins packets into ones that were not on the wire";
            Finding::problem(
                name,
                "offload",
                format!("{feature} is on"),
                format!("`ethtool -K {name} {short} off`: {why}"),
            )
        } else {
            Finding::good(name, "offload", format!("{feature} is off"))
        });
    }
    findings.push(if is_on("rx-vlan-offload") {
        let why =
            "a tag that the card takes off is not in the packet, and connections of different VLANs look the same";
        Finding::advice(name, "offload", "rx-vlan-offload is on", format!("`ethtool -K {name} rxvlan off`: {why}"))
    } else {
        Finding::good(name, "offload", "rx-vlan-offload is off")
    });
    findings.push(if is_on("generic-receive-offload") {
        let why = "where the driver has no XDP of its own, packets are joined before Writ sees them";
        Finding::advice(name, "offload", "generic-receive-offload is on", format!("`ethtool -K {name} gro off`: {why}"))
    } else {
        Finding::good(name, "offload", "generic-receive-offload is off")
    });
    findings
}

/// How many receive queues are in use.
fn queues(machine: &Machine, name: &str) -> usize {
    let listed = machine.names(&format!("/sys/class/net/{name}/queues"));
    listed.iter().filter(|queue| queue.starts_with("rx-")).count()
}

fn queue_use(name: &str, used: &Queues, queues: usize) -> Finding {
    let found = format!("{queues} receive queues");
    match used {
        Queues::All => Finding::good(name, "queues", format!("{found}, all of them read")),
        Queues::Listed(list) => {
            let unread = (0..queues).filter(|queue| !list.iter().any(|read| *read as usize == *queue)).count();
            if unread == 0 {
                return Finding::good(name, "queues", format!("{found}, all of them read"));
            }
            let advice = format!("`queues = \"all\"`, or `ethtool -L {name} combined {}`", list.len());
            Finding::problem(
                name,
                "queues",
                format!("{found}, {unread} of them not read"),
                format!("{advice}: what the card puts into the others goes to the system, and Writ does not see it"),
            )
        }
    }
}

/// Whether both directions of a connection come to one queue.
fn spread(machine: &Machine, name: &str) -> Finding {
    let advice = format!(
        "`ethtool -X {name} xfrm symmetric-xor`, or a key of `6d:5a` again and again (`ethtool -X {name} hkey …`): else a \
         connection's two directions come to two queues, and one is carried to the other's worker"
    );
    let Some(printed) = machine.ethtool(&["-x", name]) else {
        return Finding::advice(name, "spread (RSS)", "cannot be asked", advice);
    };
    let symmetric = value(&printed, "RSS input transformation", "symmetric-xor").is_some_and(|value| value == "on");
    let key =
        printed.lines().skip_while(|line| !line.starts_with("RSS hash key")).nth(1).map(str::trim).unwrap_or_default();
    let octets: Vec<&str> = key.split(':').collect();
    let repeats = octets.len() >= 4 && octets.chunks_exact(2).all(|pair| octets.get(..2) == Some(pair));
    if symmetric || repeats {
        let how = if symmetric { "by transformation" } else { "by its key" };
        return Finding::good(name, "spread (RSS)", format!("symmetric, {how}"));
    }
    Finding::advice(name, "spread (RSS)", "not symmetric", advice)
}

/// Whether the card's interrupts are put off, without which busy polling changes little; `None` where it is not asked for.
fn busy_poll(machine: &Machine, settings: &Settings) -> Option<Finding> {
    settings.busy_poll?;
    let name = settings.interface.as_str();
    let is_set = |file: &str| {
        let value = machine.read(&format!("/sys/class/net/{name}/{file}"));
        value.and_then(|value| value.parse::<u64>().ok()).is_some_and(|value| value > 0)
    };
    let unset: Vec<_> =
        ["napi_defer_hard_irqs", "gro_flush_timeout"].into_iter().filter(|file| !is_set(file)).collect();
    if unset.is_empty() {
        return Some(Finding::good(name, "busy polling", "interrupts are put off meanwhile"));
    }
    let advice = format!(
        "`echo 2 > /sys/class/net/{name}/napi_defer_hard_irqs` and `echo 200000 > /sys/class/net/{name}/gro_flush_timeout`: else \
         the card interrupts the worker all the same"
    );
    Some(Finding::advice(name, "busy polling", format!("{} not set", unset.join(" and ")), advice))
}

/// Whether the card's receive ring is as long as it can be.
fn ring(machine: &Machine, name: &str) -> Option<Finding> {
    let printed = machine.ethtool(&["-g", name])?;
    let most: u32 = value(&printed, "Pre-set maximums", "RX")?.parse().ok()?;
    let now: u32 = value(&printed, "Current hardware settings", "RX")?.parse().ok()?;
    let found = format!("{now} of {most} places");
    Some(if now < most {
        let why = "a longer ring gives more time before packets are lost";
        Finding::advice(name, "receive ring", found, format!("`ethtool -G {name} rx {most}`: {why}"))
    } else {
        Finding::good(name, "receive ring", found)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::*;

    const FEATURES: &str = "Features for tap0:\nrx-checksumming: on\ngeneric-receive-offload: off\nlarge-receive-offload: off [fixed]\n\
                            rx-vlan-offload: off\n\trx-gro-hw: off\n";
    const RING: &str = "Ring parameters for tap0:\nPre-set maximums:\nRX:\t\t4096\nRX Mini:\tn/a\nTX:\t\t4096\n\
                        Current hardware settings:\nRX:\t\t4096\nTX:\t\t512\n";
    const SPREAD: &str = "RX flow hash indirection table for tap0 with 2 RX ring(s):\n    0:      0     1\nRSS hash key:\n\
                          6d:5a:6d:5a:6d:5a:6d:5a\nRSS hash function:\n    toeplitz: on\n";

    /// A card on which everything is as it should be, but for what `ethtool` says instead.
    fn card(folder: &std::path::Path, change: impl Fn(&str) -> String + 'static) -> Machine {
        let of = folder.join("sys/class/net/tap0");
        for queue in ["rx-0", "rx-1", "tx-0"] {
            std::fs::create_dir_all(of.join("queues").join(queue)).unwrap();
        }
        for (file, text) in [("operstate", "up\n"), ("flags", "0x1103\n"), ("mtu", "1500\n")] {
            std::fs::write(of.join(file), text).unwrap();
        }
        Machine::of(folder, move |arguments| {
            let printed = match arguments {
                ["-k", "tap0"] => FEATURES,
                ["-g", "tap0"] => RING,
                ["-x", "tap0"] => SPREAD,
                _ => return None,
            };
            Some(change(printed))
        })
    }

    /// What is not good about it.
    fn amiss(machine: &Machine, settings: &Settings) -> Vec<(Grade, &'static str)> {
        let findings = examine(machine, settings, &Cores::default());
        assert!(findings.iter().all(|finding| (finding.grade == Grade::Good) == finding.advice.is_none()));
        findings.iter().filter(|found| found.grade != Grade::Good).map(|found| (found.grade, found.what)).collect()
    }

    #[test]
    fn a_card_that_is_set_up_is_good() {
        let folder = tempfile::tempdir().unwrap();
        let machine = card(folder.path(), str::to_owned);
        assert_eq!(amiss(&machine, &Settings::new("tap0")), []);
        assert_eq!(amiss(&machine, &Settings::new("tap1")), [(Grade::Problem, "interface")]);
    }

    #[test]
    fn offloads_that_change_packets_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for (was, is, expected) in [
            ("large-receive-offload: off [fixed]", "large-receive-offload: on", (Grade::Problem, "offload")),
            ("rx-gro-hw: off", "rx-gro-hw: on", (Grade::Problem, "offload")),
            ("rx-vlan-offload: off", "rx-vlan-offload: on", (Grade::Advice, "offload")),
            ("generic-receive-offload: off", "generic-receive-offload: on", (Grade::Advice, "offload")),
            ("6d:5a:6d:5a:6d:5a:6d:5a", "6d:5a:56:da:25:5b:0e:c2", (Grade::Advice, "spread (RSS)")),
            ("settings:\nRX:\t\t4096", "settings:\nRX:\t\t512", (Grade::Advice, "receive ring")),
        ] {
            let machine = card(folder.path(), move |printed| printed.replace(was, is));
            assert_eq!(amiss(&machine, &Settings::new("tap0")), [expected], "{is}");
        }
        let machine = card(folder.path(), |printed| {
            let other = printed.replace("6d:5a:6d:5a:6d:5a:6d:5a", "01:02:03:04");
            other.replace("toeplitz: on\n", "toeplitz: on\nRSS input transformation:\n    symmetric-xor: on\n")
        });
        assert_eq!(amiss(&machine, &Settings::new("tap0")), []);
    }

    #[test]
    fn queues_that_nobody_reads_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let machine = card(folder.path(), str::to_owned);
        let with = |queues: &[u32]| Settings { queues: Queues::Listed(queues.to_vec()), ..Settings::new("tap0") };
        assert_eq!(amiss(&machine, &with(&[0])), [(Grade::Problem, "queues")]);
        assert_eq!(amiss(&machine, &with(&[1, 0])), []);
    }

    #[test]
    fn busy_polling_wants_interrupts_put_off() {
        let folder = tempfile::tempdir().unwrap();
        let machine = card(folder.path(), str::to_owned);
        let busy_poll = Some(writ_capture::afxdp::BusyPoll { micros: 20, budget: 64 });
        let settings = Settings { busy_poll, ..Settings::new("tap0") };
        let of = folder.path().join("sys/class/net/tap0");
        std::fs::write(of.join("napi_defer_hard_irqs"), "2\n").unwrap();
        assert_eq!(amiss(&machine, &settings), [(Grade::Advice, "busy polling")]);
        std::fs::write(of.join("gro_flush_timeout"), "200000\n").unwrap();
        assert_eq!(amiss(&machine, &settings), []);
    }

    #[test]
    fn a_link_that_is_down_and_packets_for_others_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let machine = card(folder.path(), str::to_owned);
        let of = folder.path().join("sys/class/net/tap0");
        std::fs::write(of.join("operstate"), "down\n").unwrap();
        std::fs::write(of.join("flags"), "0x1003\n").unwrap();
        std::fs::write(of.join("mtu"), "9000\n").unwrap();
        let settings = Settings { promiscuous: false, ..Settings::new("tap0") };
        let expected = [(Grade::Problem, "link"), (Grade::Problem, "promiscuous"), (Grade::Advice, "packet length")];
        assert_eq!(amiss(&machine, &settings), expected);
    }
}
