//! Sizes of files and functions, and the ratchet that lets exceptions only shrink.

use crate::source::{Source, body, line_of, name_at, words};

/// Something that is measured: a file, or a function in one.
pub(crate) struct Measured {
    /// `path`, or `path::function`.
    pub(crate) name: String,
    /// Where it begins.
    pub(crate) place: String,
    pub(crate) lines: usize,
}

/// What may be larger than the limit, for now.
pub(crate) struct Exception {
    /// `path`, or `path::function`, as in the message of the failed test.
    pub(crate) name: &'static str,
    /// Its size today.
    pub(crate) lines: usize,
    pub(crate) reason: &'static str,
}

/// The file without its tests.
pub(crate) fn file(source: &Source) -> Measured {
    let lines = source.shipped_lines();
    Measured {
        name: source.path.clone(),
        place: format!("{}:1", source.path),
        lines,
    }
}

/// The functions that have a body and are not tests; from `fn` to the closing brace.
pub(crate) fn functions(source: &Source) -> Vec<Measured> {
    let code = &source.shipped;
    words(code, "fn")
        .filter_map(|at| {
            let name = name_at(code, at + 2);
            let body = body(code, at).filter(|_| !name.is_empty())?;
            let lines = line_of(code, body.end) - line_of(code, at) + 1;
            let name = format!("{}::{name}", source.path);
            Some(Measured {
                name,
                place: source.place(at),
                lines,
            })
        })
        .collect()
}

/// What is over the limit without an exception, and the exceptions that could shrink or go.
pub(crate) fn ratchet(all: &[Measured], limit: usize, exceptions: &[Exception]) -> Vec<String> {
    let mut findings = Vec::new();
    for measured in all.iter().filter(|measured| measured.lines > limit) {
        let Measured { name, place, lines } = measured;
        match exceptions.iter().find(|exception| exception.name == name) {
            None => findings.push(format!(
                "{place}: {name}: {lines} lines, the limit is {limit}"
            )),
            Some(exception) if *lines > exception.lines => findings.push(format!(
                "{place}: {name}: {lines} lines, its exception ({}) allows {}",
                exception.reason, exception.lines
            )),
            Some(exception) if *lines < exception.lines => findings.push(format!(
                "{place}: {name}: has shrunk to {lines} lines: lower its exception from {}",
                exception.lines
            )),
            Some(_) => {}
        }
    }
    for exception in exceptions {
        let needed =
            |measured: &&Measured| measured.name == exception.name && measured.lines > limit;
        if !all.iter().any(|measured| needed(&measured)) {
            findings.push(format!(
                "{}: its exception is no longer needed",
                exception.name
            ));
        }
    }
    findings
}

/// The size that `percent` of all do not exceed; 0 of none.
pub(crate) fn percentile(all: &[Measured], percent: usize) -> usize {
    let mut lines: Vec<usize> = all.iter().map(|measured| measured.lines).collect();
    lines.sort_unstable();
    let rank = (lines.len() * percent).div_ceil(100);
    lines.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}
