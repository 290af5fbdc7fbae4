//! Whether the memory of packets on their way is there, and near to whom reads it.

use writ_capture::afxdp::{HUGE_PAGE, Settings};

use super::Finding;
use super::machine::Machine;
use crate::config::{Cores, cpus};

/// What is found about the memory of one `[[interface]]` with so many queues.
pub(super) fn examine(machine: &Machine, settings: &Settings, cores: &Cores, queues: usize) -> Vec<Finding> {
    let huge_pages = settings.huge_pages.then(|| huge_pages(machine, settings, queues));
    huge_pages.into_iter().chain(nodes(machine, settings, cores)).collect()
}

fn huge_pages(machine: &Machine, settings: &Settings, queues: usize) -> Finding {
    let name = settings.interface.as_str();
    let needed = settings.octets().div_ceil(HUGE_PAGE) * queues as u64;
    let number = |file: &str| {
        let path = format!("/sys/kernel/mm/hugepages/hugepages-{}kB/{file}", HUGE_PAGE >> 10);
        machine.read(&path).and_then(|number| number.parse::<u64>().ok())
    };
    let Some(free) = number("free_hugepages") else {
        return Finding::problem(name, "huge pages", "none of 2 MiB here", "`huge_pages = false`");
    };
    let found = format!("{free} of 2 MiB are free, {needed} are needed");
    if free >= needed {
        return Finding::good(name, "huge pages", found);
    }
    let missing = number("nr_hugepages").unwrap_or(0) + needed - free;
    let advice = format!(
        "`sysctl -w vm.nr_hugepages={missing}`, best at the boot of the machine: else `writ run` does not start"
    );
    Finding::problem(name, "huge pages", found, advice)
}

/// Whether workers are on the NUMA node of the card; `None` where there is one node alone, or nothing is pinned.
fn nodes(machine: &Machine, settings: &Settings, cores: &Cores) -> Option<Finding> {
    let name = settings.interface.as_str();
    let node = machine.read(&format!("/sys/class/net/{name}/device/numa_node"))?;
    // -1 says that it has none.
    let node: u32 = node.parse().ok()?;
    let own = machine.read(&format!("/sys/devices/system/node/node{node}/cpulist"))?;
    let own = cpus::parse(&own)?;
    let away = cores.workers.iter().filter(|core| !own.has(**core)).count();
    if cores.workers.is_empty() || !machine.exists("/sys/devices/system/node/node1") {
        return None;
    }
    Some(if away == 0 {
        Finding::good(name, "NUMA node", format!("the card and all workers are on node {node}"))
    } else {
        Finding::advice(
            name,
            "NUMA node",
            format!("the card is on node {node}, {away} workers are not"),
            format!("`[cores] workers` of {}: each packet crosses from one node's memory to the other's", own.text),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Grade;
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn found(root: &Path, settings: &Settings, workers: &[usize]) -> Vec<(Grade, &'static str)> {
        let cores = Cores { workers: workers.to_vec(), ..Cores::default() };
        let findings = examine(&Machine::of(root, |_| None), settings, &cores, 2);
        findings.iter().map(|found| (found.grade, found.what)).collect()
    }

    #[test]
    fn huge_pages_are_counted_where_they_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(found(folder.path(), &Settings::new("tap0"), &[]), []);
        // 16 MiB for each of two queues.
        let settings = Settings { huge_pages: true, ..Settings::new("tap0") };
        assert_eq!(found(folder.path(), &settings, &[]), [(Grade::Problem, "huge pages")]);
        for (free, grade) in [("15", Grade::Problem), ("16", Grade::Good)] {
            write(folder.path(), "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", free);
            assert_eq!(found(folder.path(), &settings, &[]), [(grade, "huge pages")]);
        }
    }

    #[test]
    fn workers_away_from_the_card_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::new("tap0");
        write(folder.path(), "sys/class/net/tap0/device/numa_node", "1\n");
        write(folder.path(), "sys/devices/system/node/node1/cpulist", "4-7\n");
        assert_eq!(found(folder.path(), &settings, &[]), []);
        assert_eq!(found(folder.path(), &settings, &[4, 7]), [(Grade::Good, "NUMA node")]);
        assert_eq!(found(folder.path(), &settings, &[4, 3]), [(Grade::Advice, "NUMA node")]);
        write(folder.path(), "sys/class/net/tap0/device/numa_node", "-1\n");
        assert_eq!(found(folder.path(), &settings, &[4, 3]), []);
    }
}
