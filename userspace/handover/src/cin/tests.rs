use std::collections::HashSet;
use std::fs;
use std::thread;

use super::*;

fn state() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cin");
    (folder, path)
}

#[test]
fn a_replay_begins_at_one() {
    let cins = CinAllocator::new();
    assert_eq!((cins.allocate(), cins.allocate()), (Cin(1), Cin(2)));
}

#[test]
fn workers_never_get_the_same_number() {
    let cins = CinAllocator::new();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let cins = cins.clone();
            thread::spawn(move || (0..10_000).map(|_| cins.allocate().0).collect::<Vec<_>>())
        })
        .collect();
    let all: HashSet<u32> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    assert_eq!(all.len(), 40_000);
}

#[test]
fn after_the_last_number_comes_one_and_never_zero() {
    let cins = CinAllocator::starting_at(CINS - 1);
    assert_eq!((cins.allocate(), cins.round()), (Cin(u32::MAX), 0));
    assert_eq!((cins.allocate(), cins.round()), (Cin(1), 1));
}

#[test]
fn a_restart_that_skips_past_the_last_number_begins_anew() {
    let (_folder, path) = state();
    for (reserved, beginning) in
        [(CINS, Beginning::Continued), (CINS + 50, Beginning::Anew), (CINS + 101, Beginning::Continued)]
    {
        write(&path, reserved).unwrap();
        assert_eq!(CinReserve::with_block(path.clone(), 100).unwrap().beginning(), beginning, "{reserved}");
    }
}

#[test]
fn a_restart_after_a_kill_begins_above_every_number_that_left() {
    let (_folder, path) = state();
    let mut left = HashSet::new();
    for run in 0..20 {
        // Nothing runs at the end of a run: what a kill leaves is what is on disk.
        let mut reserve = CinReserve::with_block(path.clone(), 16).unwrap();
        assert_eq!(reserve.beginning(), if run == 0 { Beginning::Anew } else { Beginning::Continued });
        let cins = reserve.allocator();
        for _ in 0..run * 7 {
            let cin = cins.allocate();
            reserve.cover().unwrap();
            assert!(!reserve.exceeded());
            assert!(left.insert(cin), "{cin:?} has left before");
        }
    }
    assert_eq!(left.len(), (0..20).map(|run| run * 7).sum::<usize>());
}

#[test]
fn a_crash_while_writing_leaves_the_number_before() {
    let (_folder, path) = state();
    let first = CinReserve::with_block(path.clone(), 100).unwrap();
    drop(first);
    // The temporary file was begun and the process died.
    fs::write(path.with_extension("new"), "writ-c").unwrap();
    let again = CinReserve::with_block(path, 100).unwrap();
    assert_eq!(again.allocator().allocate(), Cin(101));
}

#[test]
fn a_state_file_that_is_not_ours_is_refused() {
    let (_folder, path) = state();
    for text in [
        "",
        "7",
        "writ-cin 1 ",
        "writ-cin 1 x\n",
        "writ-cin 1 7",
        "writ-cin 2 7\n",
        "writ-cin 1 99999999999999999999999\n",
    ] {
        fs::write(&path, text).unwrap();
        assert!(matches!(CinReserve::open(&path), Err(CinReserveError::Malformed { .. })), "{text:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "it is left as it is");
    }
}

#[test]
fn a_disk_that_fails_is_told_and_tried_again() {
    let (folder, path) = state();
    let inner = folder.path().join("state");
    fs::create_dir(&inner).unwrap();
    drop(path);
    let mut reserve = CinReserve::with_block(inner.join("cin"), 10).unwrap();
    let cins = reserve.allocator();
    fs::remove_dir_all(&inner).unwrap();
    for _ in 0..8 {
        cins.allocate();
    }
    assert!(matches!(reserve.cover(), Err(CinReserveError::Io { .. })));
    assert!(!reserve.exceeded(), "half a block is still in hand");
    for _ in 0..8 {
        cins.allocate();
    }
    assert!(reserve.cover().is_err() && reserve.exceeded());
    fs::create_dir(&inner).unwrap();
    reserve.cover().unwrap();
    assert!(!reserve.exceeded());
}

#[test]
fn it_starts_only_where_it_can_write() {
    let (folder, _) = state();
    assert!(matches!(CinReserve::open(folder.path().join("absent").join("cin")), Err(CinReserveError::Io { .. })));
}

#[test]
fn two_processes_do_not_number_from_one_state() {
    let (_folder, path) = state();
    let first = CinReserve::open(&path).unwrap();
    let second = CinReserve::open(&path).unwrap_err();
    assert!(matches!(second, CinReserveError::InUse { .. }));
    assert!(second.to_string().contains("in use by another Writ"));
    drop(first);
    CinReserve::open(&path).unwrap();
}
