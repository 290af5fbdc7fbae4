//! Runs every target on its seeds and on what once made it fail, on any toolchain.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::Mutex;

use writ_fuzz::{TARGETS, run, seeds};

/// Some targets look at the memory of the whole process, so that no two tests may run at a time, nor make what
/// they run on.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs inputs; says which of them fail rather than stop at the first.
fn run_all(inputs: impl IntoIterator<Item = (String, String, Vec<u8>)>) -> usize {
    let mut failed = Vec::new();
    let mut count = 0;
    for (target, name, octets) in inputs {
        count += 1;
        if catch_unwind(|| run(&target, &octets)).is_err() {
            failed.push(format!("{target}/{name}"));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    count
}

#[test]
fn seeds_are_sound() {
    let _alone = ALONE.lock();
    let seeds = seeds::all();
    for (target, _) in TARGETS {
        assert!(seeds.iter().any(|(of, ..)| *of == target), "{target} has no seed");
    }
    let count = run_all(seeds.into_iter().map(|(target, name, octets)| (target.to_owned(), name, octets)));
    assert!(count > 400, "{count} seeds");
}

#[test]
fn nothing_is_too_short() {
    let _alone = ALONE.lock();
    run_all(TARGETS.iter().flat_map(|(target, _)| {
        (0..12).map(move |length| ((*target).to_owned(), format!("{length} zeros"), vec![0; length]))
    }));
}

/// `regressions/TARGET/NAME`: inputs that found a fault, each as small as it could be made.
#[test]
fn old_faults_stay_mended() {
    let _alone = ALONE.lock();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let inputs = TARGETS.iter().flat_map(|(target, _)| {
        let files = fs::read_dir(root.join(target)).into_iter().flatten();
        files.map(|file| {
            let path = file.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            ((*target).to_owned(), name, fs::read(&path).expect("a file"))
        })
    });
    run_all(inputs);
}
