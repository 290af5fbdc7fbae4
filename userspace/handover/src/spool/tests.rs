use super::*;
use crate::pdu::Kind;
use crate::settings::HandoverSettings;

#[test]
fn each_lemf_has_a_folder_of_its_own_and_none_leaves_it() {
    for (lemf, name) in [
        ("lea-1", "lea-1"),
        ("Lea.1_x", "Lea.1_x"),
        ("..", "%2E."),
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        ("é", "%C3%A9"),
    ] {
        assert_eq!(folder_name(lemf), Path::new(name));
    }
}

/// A file system of its own, unmounted at the end. None where that is not allowed.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4M", "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

/// A spool behind which nobody takes anything.
fn spool(settings: &SpoolSettings, interface: Interface) -> (Spool, Arc<LinkCounters>) {
    let counters: Arc<LinkCounters> = Arc::default();
    let handover = HandoverSettings::default();
    let link_pdus = Arc::new(LinkPdus::new(&handover, writ_etsi::Profile::Current, interface).unwrap());
    let lemf = "lea".to_owned();
    let buffer = Buffer::new(lemf.clone(), 1 << 20, Duration::ZERO, Arc::clone(&counters), Arc::clone(&link_pdus));
    let parts = Parts {
        lemf,
        interface,
        numbering: Numbering::PerCin,
        memory: 1 << 20,
        buffer: Arc::new(buffer),
        counters: Arc::clone(&counters),
        link_pdus,
        unchecked: None,
        latency: Arc::default(),
    };
    (Spool::start(settings, parts, None).unwrap().0, counters)
}

#[test]
fn on_a_full_disk_iri_has_room_that_content_does_not_take() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("not run: file systems cannot be mounted here");
        return;
    };
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("key");
    std::fs::write(&key, "5a".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    let settings = SpoolSettings::at(disk.0.path().join("spool"), key);
    let ((hi2, of_hi2), (hi3, of_hi3)) = (spool(&settings, Interface::Hi2), spool(&settings, Interface::Hi3));
    let pdu = |kind, octets: usize| Pdu {
        interface: if kind == Kind::Cc { Interface::Hi3 } else { Interface::Hi2 },
        kind,
        time: writ_wire::Time::MIN,
        octets: vec![0x30; octets].into(),
        checked: None,
    };
    // More than the disk has.
    for _ in 0..80 {
        hi3.push([pdu(Kind::Cc, 64_000)]);
        std::thread::sleep(Duration::from_millis(60));
        if of_hi3.spool_failures.get() > 0 {
            break;
        }
    }
    assert!(of_hi3.spool_failures.get() > 0 && of_hi3.spool_octets.get() > 2 << 20, "content has filled its part");
    hi2.push((0..300).map(|_| pdu(Kind::Iri, 1000)));
    let begin = Instant::now();
    while of_hi2.spool_written.get() < 300 {
        assert!(begin.elapsed() < Duration::from_secs(10), "{} of IRI on disk", of_hi2.spool_written.get());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(of_hi2.spool_failures.get(), 0);
    // What is under the folder must be closed before it is unmounted.
    drop((hi2, hi3));
}
