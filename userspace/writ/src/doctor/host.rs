//! Whether the machine has what Writ works with, and leaves its cores alone.

use super::Finding;
use super::machine::Machine;
use crate::config::{Cores, cpus};

/// In [`Finding::of`].
const MACHINE: &str = "machine";
/// The first kernel that has all that is used (AF_XDP's busy polling).
const KERNEL: (u32, u32) = (5, 11);
/// Those that are needed, by name and number (capabilities(7)).
const CAPABILITIES: [(&str, u32); 5] =
    [("CAP_NET_ADMIN", 12), ("CAP_NET_RAW", 13), ("CAP_IPC_LOCK", 14), ("CAP_PERFMON", 38), ("CAP_BPF", 39)];

/// What is found about the machine.
pub(super) fn examine(machine: &Machine, cores: &Cores) -> Vec<Finding> {
    let mut findings = vec![kernel(machine), jit(machine), privileges(machine), clock(machine)];
    findings.extend(governor(machine, cores));
    findings.push(pinning(machine, cores));
    findings.push(interrupts(machine));
    findings.push(swap(machine));
    findings
}

fn kernel(machine: &Machine) -> Finding {
    let release = machine.read("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let (major, minor) = KERNEL;
    if version < KERNEL {
        return Finding::problem(MACHINE, "kernel", release, format!("Linux {major}.{minor} or later is needed"));
    }
    if !machine.exists("/sys/kernel/btf/vmlinux") {
        return Finding::advice(
            MACHINE,
            "kernel",
            format!("{release}, without type information"),
            "a kernel with BTF says more where the XDP program is refused",
        );
    }
    Finding::good(MACHINE, "kernel", release)
}

fn jit(machine: &Machine) -> Finding {
    match machine.read("/proc/sys/net/core/bpf_jit_enable").as_deref() {
        Some("0") => Finding::problem(
            MACHINE,
            "BPF compiler",
            "off",
            "`sysctl -w net.core.bpf_jit_enable=1`: interpreted, the XDP program takes many times as long a packet",
        ),
        Some(_) => Finding::good(MACHINE, "BPF compiler", "on"),
        // Kernels that always compile have no such setting.
        None => Finding::good(MACHINE, "BPF compiler", "always on"),
    }
}

fn privileges(machine: &Machine) -> Finding {
    let status = machine.read("/proc/self/status").unwrap_or_default();
    let held = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let held = held.and_then(|held| u64::from_str_radix(held.trim(), 16).ok()).unwrap_or(0);
    let lacking: Vec<&str> =
        CAPABILITIES.iter().filter(|(_, number)| held >> number & 1 == 0).map(|(name, _)| *name).collect();
    if lacking.is_empty() {
        return Finding::good(MACHINE, "privileges", "all there");
    }
    let lacking = format!("without {}", lacking.join(", "));
    Finding::advice(
        MACHINE,
        "privileges",
        lacking,
        "of whoever runs this: the service's are in its unit (AmbientCapabilities)",
    )
}

fn clock(machine: &Machine) -> Finding {
    let signs =
        ["/run/systemd/timesync/synchronized", "/run/chrony", "/run/chrony.sock", "/run/ptp4l", "/run/ntpd.pid"];
    match signs.into_iter().find(|sign| machine.exists(sign)) {
        Some(sign) => Finding::good(MACHINE, "clock", format!("kept by a time service ({sign})")),
        None => Finding::advice(
            MACHINE,
            "clock",
            "no sign of a time service",
            "keep it with NTP or PTP: a packet's time decides whether a warrant is in force, and is what the LEMF is told",
        ),
    }
}

/// Whether the workers' cores run at full speed all the time; `None` where the machine does not change their speed.
fn governor(machine: &Machine, cores: &Cores) -> Option<Finding> {
    let names: Vec<String> = if cores.workers.is_empty() {
        let is_core = |name: &String| name.strip_prefix("cpu").is_some_and(|number| number.parse::<usize>().is_ok());
        machine.names("/sys/devices/system/cpu").into_iter().filter(is_core).collect()
    } else {
        cores.workers.iter().map(|core| format!("cpu{core}")).collect()
    };
    let of = |core: &String| machine.read(&format!("/sys/devices/system/cpu/{core}/cpufreq/scaling_governor"));
    let governors: Vec<String> = names.iter().filter_map(of).collect();
    let slow = governors.iter().find(|governor| *governor != "performance");
    Some(match (governors.is_empty(), slow) {
        (true, _) => return None,
        (false, None) => Finding::good(MACHINE, "governor", "performance"),
        (false, Some(slow)) => Finding::advice(
            MACHINE,
            "governor",
            slow.as_str(),
            "`cpupower frequency-set -g performance`: a core that slept is slow for the first packets of a burst",
        ),
    })
}

fn pinning(machine: &Machine, cores: &Cores) -> Finding {
    if cores.workers.is_empty() {
        let advice =
            "`[cores] workers = […]`, one for each queue: a worker that moves between cores leaves its caches behind";
        return Finding::advice(MACHINE, "cores", "workers are not pinned", advice);
    }
    let isolated = machine.read("/sys/devices/system/cpu/isolated").and_then(|list| cpus::parse(&list));
    let is_own = |core: &usize| isolated.as_ref().is_some_and(|isolated| isolated.has(*core));
    let shared = cores.workers.iter().filter(|core| !is_own(core)).count();
    if shared == 0 {
        return Finding::good(MACHINE, "cores", "workers are pinned, on cores of their own");
    }
    Finding::advice(
        MACHINE,
        "cores",
        format!("workers are pinned, {shared} of them on cores that others may use"),
        "`isolcpus=` on the kernel's command line, or `CPUAffinity=` of everything else: what runs there meanwhile costs packets",
    )
}

fn interrupts(machine: &Machine) -> Finding {
    let is_running = machine.names("/proc").iter().any(|process| {
        process.bytes().all(|digit| digit.is_ascii_digit())
            && machine.read(&format!("/proc/{process}/comm")).as_deref() == Some("irqbalance")
    });
    if is_running {
        let advice = "tell it to leave the card's interrupts alone, and put each on the core that reads its queue (`smp_affinity`): \
                      it moves them away from the workers";
        return Finding::advice(MACHINE, "interrupts", "irqbalance runs", advice);
    }
    Finding::good(MACHINE, "interrupts", "nobody moves them")
}

fn swap(machine: &Machine) -> Finding {
    let lines = machine.read("/proc/swaps").unwrap_or_default();
    if lines.lines().count() > 1 {
        let advice = "`swapoff -a`, or an encrypted one: targets and content are in memory";
        return Finding::advice(MACHINE, "swap", "in use", advice);
    }
    Finding::good(MACHINE, "swap", "none")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Grade;
    use super::*;

    /// A machine on which everything is as it should be.
    const GOOD: [(&str, &str); 9] = [
        ("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
        ("sys/kernel/btf/vmlinux", ""),
        ("proc/sys/net/core/bpf_jit_enable", "1\n"),
        ("proc/self/status", "Name:\twrit\nCapEff:\t000001ffffffffff\n"),
        ("run/systemd/timesync/synchronized", ""),
        ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"),
        ("sys/devices/system/cpu/isolated", "1-2\n"),
        ("proc/swaps", "Filename\t\t\tType\n"),
        ("proc/17/comm", "systemd\n"),
    ];

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn amiss(change: Option<(&str, &str)>, workers: &[usize]) -> Vec<(Grade, &'static str)> {
        let folder = tempfile::tempdir().unwrap();
        GOOD.iter().for_each(|(file, text)| write(folder.path(), file, text));
        match change {
            Some((file, "")) => std::fs::remove_file(folder.path().join(file)).unwrap(),
            Some((file, text)) => write(folder.path(), file, text),
            None => {}
        }
        let cores = Cores { workers: workers.to_vec(), ..Cores::default() };
        let findings = examine(&Machine::of(folder.path(), |_| None), &cores);
        findings.iter().filter(|found| found.grade != Grade::Good).map(|found| (found.grade, found.what)).collect()
    }

    #[test]
    fn a_machine_that_is_set_up_is_good() {
        assert_eq!(amiss(None, &[1, 2]), []);
    }

    #[test]
    fn what_is_amiss_is_found() {
        for (file, text, expected) in [
            ("proc/sys/kernel/osrelease", "5.4.0-1\n", (Grade::Problem, "kernel")),
            ("sys/kernel/btf/vmlinux", "", (Grade::Advice, "kernel")),
            ("proc/sys/net/core/bpf_jit_enable", "0\n", (Grade::Problem, "BPF compiler")),
            ("proc/self/status", "CapEff:\t0000000000000000\n", (Grade::Advice, "privileges")),
            ("run/systemd/timesync/synchronized", "", (Grade::Advice, "clock")),
            ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n", (Grade::Advice, "governor")),
            ("sys/devices/system/cpu/isolated", "2-3\n", (Grade::Advice, "cores")),
            ("proc/swaps", "Filename\tType\n/dev/sda2\tpartition\n", (Grade::Advice, "swap")),
            ("proc/17/comm", "irqbalance\n", (Grade::Advice, "interrupts")),
        ] {
            assert_eq!(amiss(Some((file, text)), &[1, 2]), [expected], "{file}");
        }
        assert_eq!(amiss(None, &[]), [(Grade::Advice, "cores")]);
    }

    #[test]
    fn capabilities_that_are_lacking_are_named() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "proc/self/status", "CapEff:\t0000000000003000\n");
        let found = privileges(&Machine::of(folder.path(), |_| None));
        assert_eq!(found.found, "without CAP_IPC_LOCK, CAP_PERFMON, CAP_BPF");
    }
}
