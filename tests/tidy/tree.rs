//! The workspace's files, and which of them the compiler sees.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::source::{Source, name_at, words};

/// Folders that hold what was built, or files that are compiled one by one as test data.
const SKIPPED: &[&str] = &["target", "node_modules", "compile_fail", ".git"];

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests are in a folder of the workspace")
        .to_owned()
}

/// Every Rust file under a folder of the workspace, by path.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), folder, &mut found);
    found.sort_by(|a: &Source, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no Rust file in {folder}");
    found
}

fn collect(folder: &Path, name: &str, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{name}: {error}"));
    for entry in entries {
        let path = entry.expect("a listed entry can be read").path();
        let file = path
            .file_name()
            .map(|name| name.to_string_lossy())
            .unwrap_or_default();
        let name = format!("{name}/{file}");
        if path.is_dir() && !SKIPPED.contains(&&*file) {
            collect(&path, &name, found);
        } else if path.is_file() && file.ends_with(".rs") {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            found.push(Source::new(&name, &text));
        }
    }
}

/// Files that no `mod` leads to from the `roots`, and so are compiled by nobody.
pub(crate) fn orphans(sources: &[Source], roots: &[&str]) -> Vec<String> {
    let reached = reach(sources, roots, |source| &source.code);
    let lost = sources
        .iter()
        .filter(|source| !reached.contains(source.path.as_str()));
    lost.map(|source| format!("{}:1: in no module: no `mod` leads to it", source.path))
        .collect()
}

/// Paths of the files that are compiled for tests only.
pub(crate) fn test_files(sources: &[Source], roots: &[&str]) -> BTreeSet<String> {
    let all = reach(sources, roots, |source| &source.code);
    let shipped = reach(sources, roots, |source| &source.shipped);
    all.difference(&shipped)
        .map(|path| (*path).to_owned())
        .collect()
}

/// Follows `mod name;` from the roots through the code that `view` shows.
fn reach<'a>(
    sources: &'a [Source],
    roots: &[&'a str],
    view: impl Fn(&Source) -> &String,
) -> BTreeSet<&'a str> {
    let files: BTreeMap<&str, &Source> = sources
        .iter()
        .map(|source| (source.path.as_str(), source))
        .collect();
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = roots.to_vec();
    while let Some(path) = open.pop() {
        let Some((&path, source)) = files.get_key_value(path) else {
            continue;
        };
        if !reached.insert(path) {
            continue;
        }
        for place in children(source, view(source), roots.contains(&path)) {
            if let Some((&child, _)) = files.get_key_value(place.as_str()) {
                open.push(child);
            }
        }
    }
    reached
}

/// Where the modules that a file declares may be: two places each, or the one its `path` says.
fn children(source: &Source, code: &str, is_root: bool) -> Vec<String> {
    let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let home = match file {
        _ if is_root => folder.to_owned(),
        "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", file.trim_end_matches(".rs")),
    };
    words(code, "mod")
        .flat_map(|at| match explicit_path(source, at) {
            Some(path) => vec![format!("{folder}/{path}")],
            None => {
                let name = name_at(code, at + 3);
                vec![format!("{home}/{name}.rs"), format!("{home}/{name}/mod.rs")]
            }
        })
        .collect()
}

/// The path in a `#[path = ".."]` right before the `mod` at `at`.
fn explicit_path(source: &Source, at: usize) -> Option<&str> {
    let before = source.text[..at].trim_end().strip_suffix("\"]")?;
    let (attribute, path) = before.rsplit_once('"')?;
    attribute.ends_with("#[path = ").then_some(path)
}
