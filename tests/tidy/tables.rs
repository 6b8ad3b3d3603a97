//! The table at the head of a large module, which says what each of its files is.

use crate::source::{Source, name_at, words};

/// Files for which the table has no row, in a module that has more than `most`.
pub(crate) fn unlisted(source: &Source, most: usize) -> Vec<String> {
    let modules = words(&source.shipped, "mod").filter(|_| source.path.ends_with("/mod.rs"));
    let files: Vec<&str> = modules
        .map(|at| name_at(&source.shipped, at + "mod".len()))
        .collect();
    if files.len() <= most {
        return vec![];
    }
    let rows = source.text.lines().filter(|line| line.starts_with("//! |"));
    let rows: String = rows.collect();
    let missing = files
        .into_iter()
        .filter(|file| !rows.contains(&format!("`{file}`")));
    missing
        .map(|file| format!("{}:1: its table of files lacks `{file}`", source.path))
        .collect()
}
