//! The shape of the code, held as tests: layers, reachability, forbidden words and sizes.
//!
//! The rules are the data at the top; how they are checked is in `tidy/`. It must not know any
//! single file, but for the exceptions, which can only shrink.

#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/self_tests.rs"]
mod self_tests;
#[path = "tidy/sizes.rs"]
mod sizes;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/tables.rs"]
mod tables;
#[path = "tidy/tree.rs"]
mod tree;

use std::fs;

use layers::{ANY, Layer, Table};
use sizes::{Exception, Measured};
use source::{Source, words};

const TABLE: Table = Table {
    layers: LAYERS,
    common: &[],
    unimported: "testing",
};

const fn layer(
    module: &'static str,
    inside: &'static [&'static str],
    outside: &'static [&'static str],
) -> Layer {
    Layer {
        module,
        inside,
        outside,
    }
}

/// Module, what it may import from the container, and from other crates; `std` is always allowed.
#[rustfmt::skip]
const LAYERS: &[Layer] = &[
    layer("error",      &["router"],                                  &[]),
    layer("config",     &["http1", "message", "scheduler", "observe"], &[]),
    layer("reactor",    &[],                                          &["mio", "slab", "crossbeam_channel", "log"]),
    layer("net",        &["reactor"],                                 &["mio", "socket2", "log", "tokio", "futures_io", "rustls"]),
    layer("message",    &[],                                          &["http", "bytes", "futures_core", "httpdate"]),
    layer("http1",      &["message"],                                 &["httparse", "http", "bytes"]),
    layer("websocket",  &["message"],                                 &["bytes"]),
    layer("client",     &["net", "http1", "message", "reactor"],      &["http", "bytes", "log", "rustls", "webpki_roots"]),
    layer("hub",        &["reactor", "message"],                      &["crossbeam_channel", "bytes", "log"]),
    layer("handler",    &["message"],                                 &["http", "bytes", "futures_core", "log", "serde", "serde_json"]),
    layer("scheduler",  &["handler", "message", "reactor"],           &["crossbeam_channel", "http", "log"]),
    layer("router",     &["handler", "message", "extract", "middleware"], &["matchit", "http", "log"]),
    layer("extract",    &["handler", "message"],                      &["serde", "serde_json", "serde_html_form", "http", "bytes", "log"]),
    layer("middleware", &["handler", "message"],                      &["http", "log"]),
    layer("observe",    &["handler", "message", "middleware", "scheduler"], &["http"]),
    layer("server",     &["config", "error", "reactor", "net", "message", "http1", "websocket", "hub", "handler",
                          "scheduler", "router", "extract", "middleware", "observe"],
                                                                      &["signal_hook", "log", "http", "bytes", "httpdate", "slab"]),
    layer("admin",      &["observe", "server", "router", "handler", "extract", "message", "scheduler", "reactor"],
                                                                      &["http", "serde_json"]),
    layer("testing",    ANY,                                          ANY),
];

/// The arms of the Y, and the only places that may import both.
const ARMS: [&str; 2] = ["net", "http1"];
const MEETING: &[&str] = &[
    "container/src/server/connection",
    "container/src/client/connection",
    "container/src/testing",
];

/// Modules that get bytes and `now` from outside, and what would give them more.
const PURE: &[&str] = &["http1", "websocket"];
const IMPURE: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "elapsed()",
    "std::net",
    "std::thread",
    "std::fs",
];

/// Nothing unfinished and nothing left over from debugging.
const FORBIDDEN_WORDS: &[&str] = &["todo!", "unimplemented!", "dbg!"];

/// Folders with Rust files, the fixtures of compile-fail tests excepted.
const FOLDERS: &[&str] = &[
    "container/src",
    "handlers/src",
    "sample_server/src",
    "client_rust/src",
    "tests",
    "bench/epoll_floor/src",
    "bench/hyper_ref/src",
];

/// Files of a module that can be seen at a glance; of more there is a table.
const UNLISTED_FILES_MAX: usize = 5;

const FILE_LINES_MAX: usize = 500;
const FILE_LINES_MEDIAN: usize = 180;
const FUNCTION_LINES_MAX: usize = 70;
const FUNCTION_LINES_P90: usize = 30;

const LONG_FILES: &[Exception] = &[];
const LONG_FUNCTIONS: &[Exception] = &[];

#[test]
fn modules_import_only_what_their_layer_may() {
    check(&["container/src"], |source| TABLE.check(source));
}

#[test]
fn net_and_http1_meet_only_in_connection() {
    check(&["container/src"], |source| {
        TABLE.check_meeting(source, ARMS, MEETING)
    });
}

#[test]
fn the_protocols_have_no_clock_socket_or_thread() {
    check(&["container/src"], |source| {
        TABLE.check_pure(source, PURE, IMPURE)
    });
}

#[test]
fn every_file_is_in_a_module() {
    for folder in FOLDERS {
        let roots = roots(folder);
        let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
        clean(&tree::orphans(&tree::sources(folder), &roots));
    }
}

#[test]
fn every_file_says_what_it_is() {
    check(FOLDERS, |source| {
        let says = source.text.starts_with("//! ");
        (!says)
            .then(|| format!("{}:1: does not open with `//! `", source.path))
            .into_iter()
            .collect()
    });
}

#[test]
fn large_modules_list_their_files() {
    check(&["container/src"], |source| {
        tables::unlisted(source, UNLISTED_FILES_MAX)
    });
}

#[test]
fn nothing_is_unfinished() {
    check(FOLDERS, |source| forbidden(source, FORBIDDEN_WORDS));
}

#[test]
fn the_container_has_no_unsafe_code() {
    check(&["container/src"], |source| forbidden(source, &["unsafe"]));
    let root = fs::read_to_string(tree::root().join("container/src/lib.rs")).expect("lib.rs");
    assert!(
        root.contains("#![forbid(unsafe_code)]"),
        "container/src/lib.rs does not forbid it"
    );
}

#[test]
fn files_are_short() {
    let files: Vec<Measured> = shipped().iter().map(sizes::file).collect();
    clean(&sizes::ratchet(&files, FILE_LINES_MAX, LONG_FILES));
    let median = sizes::percentile(&files, 50);
    assert!(
        median <= FILE_LINES_MEDIAN,
        "the median file has {median} lines"
    );
}

#[test]
fn functions_are_short() {
    let functions: Vec<Measured> = shipped().iter().flat_map(sizes::functions).collect();
    clean(&sizes::ratchet(
        &functions,
        FUNCTION_LINES_MAX,
        LONG_FUNCTIONS,
    ));
    let p90 = sizes::percentile(&functions, 90);
    assert!(
        p90 <= FUNCTION_LINES_P90,
        "one function in ten is longer than {p90} lines"
    );
}

/// Runs one check over all files of the folders.
fn check(folders: &[&str], of: impl Fn(&Source) -> Vec<String>) {
    let sources = folders.iter().flat_map(|folder| tree::sources(folder));
    clean(&sources.flat_map(|source| of(&source)).collect::<Vec<_>>());
}

/// Fails with one line for each finding.
fn clean(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} findings:\n{}\n",
        findings.len(),
        findings.join("\n")
    );
}

/// All files that are not there for tests only.
fn shipped() -> Vec<Source> {
    let folders = FOLDERS.iter().filter(|folder| folder.ends_with("src"));
    folders
        .flat_map(|folder| {
            let roots = roots(folder);
            let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
            let mut sources = tree::sources(folder);
            let tests = tree::test_files(&sources, &roots);
            sources.retain(|source| !tests.contains(&source.path));
            sources
        })
        .collect()
}

/// The files that the compiler starts from in a folder.
fn roots(folder: &str) -> Vec<String> {
    if folder.ends_with("src") {
        return ["lib.rs", "main.rs"]
            .map(|file| format!("{folder}/{file}"))
            .to_vec();
    }
    let manifest = tree::root().join(folder).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("the folder is a package");
    let paths = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \""));
    paths
        .map(|path| format!("{folder}/{}", path.trim_end_matches('"')))
        .collect()
}

/// Every place where one of the words stands in code.
fn forbidden(source: &Source, names: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for name in names {
        let found = words(&source.code, name);
        findings.extend(found.map(|at| format!("{}: `{name}`", source.place(at))));
    }
    findings
}
