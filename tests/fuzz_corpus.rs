//! The inputs that fuzzing has kept: whatever found something, or found a way into the code that
//! no other finds. Run here without a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

use tests::targets::{self, Target};

#[test]
fn every_input_that_was_kept_keeps_its_promise() {
    for target in targets::ALL {
        let inputs = inputs(target);
        assert!(!inputs.is_empty(), "{} has inputs", target.name);
        for input in inputs {
            check(target, &input);
        }
    }
}

#[test]
fn every_folder_has_a_target() {
    for folder in entries(&corpus()) {
        let name = folder.file_name().unwrap_or_default();
        let is_known = targets::ALL.iter().any(|target| *target.name == *name);
        assert!(is_known, "{} belongs to no target", folder.display());
    }
}

fn check(target: &Target, path: &Path) {
    let input = fs::read(path).expect("an input can be read");
    let outcome = std::panic::catch_unwind(|| (target.run)(&input));
    assert!(outcome.is_ok(), "{} fails", path.display());
}

fn inputs(target: &Target) -> Vec<PathBuf> {
    entries(&corpus().join(target.name))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("its entries too").path());
    let mut paths: Vec<PathBuf> = paths.collect();
    paths.sort();
    paths
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}
