//! Tests of the checks themselves: each must be able to fail, and not by accident.

use crate::layers::{Layer, Table};
use crate::sizes::{self, Exception, Measured};
use crate::source::Source;
use crate::{forbidden, tables, tree};

const TABLE: Table = Table {
    layers: &[
        Layer {
            module: "error",
            inside: &[],
            outside: &[],
        },
        Layer {
            module: "low",
            inside: &[],
            outside: &["mio"],
        },
        Layer {
            module: "pure",
            inside: &[],
            outside: &["http"],
        },
        Layer {
            module: "top",
            inside: &["low", "pure"],
            outside: &["log"],
        },
        Layer {
            module: "testing",
            inside: crate::layers::ANY,
            outside: crate::layers::ANY,
        },
    ],
    common: &["error"],
    unimported: "testing",
};

/// Runs the layer check on one file, and wants a finding for each of `lines`.
fn check(path: &str, text: &str, lines: &[usize]) {
    let findings = TABLE.check(&Source::new(path, text));
    let mut found: Vec<usize> = findings
        .iter()
        .map(|finding| finding.split(':').nth(1).unwrap().parse().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, lines, "{findings:#?}");
}

#[test]
fn allowed_imports_pass() {
    check(
        "src/low/mod.rs",
        "use std::io;\nuse mio::Poll;\nuse crate::error::Error;\n",
        &[],
    );
    check(
        "src/top.rs",
        "mod part;\nuse part::Part;\nuse crate::{low::Low, pure};\n",
        &[],
    );
    check(
        "src/lib.rs",
        "pub use crate::low::Low;\npub use crate::testing::Pair;\n",
        &[],
    );
    check(
        "src/testing.rs",
        "use crate::top::Top;\nuse anything::At::all;\n",
        &[],
    );
}

#[test]
fn forbidden_modules_are_found_however_they_are_written() {
    check("src/low.rs", "use crate::top::Top;\n", &[1]);
    check(
        "src/low.rs",
        "use crate::{\n    error,\n    top::{A, B},\n};\n",
        &[1, 1],
    );
    check("src/low.rs", "fn f() {\n    crate::top::f();\n}\n", &[2]);
    check("src/low/part.rs", "use super::super::top::Top;\n", &[1]);
    check(
        "src/low.rs",
        "mod inner {\n    use super::super::top;\n}\n",
        &[2],
    );
    check("src/low.rs", "mod inner {\n    use super::Low;\n}\n", &[]);
    check("src/low/part.rs", "use super::other::Other;\n", &[]);
}

#[test]
fn forbidden_crates_are_found_however_they_are_written() {
    check("src/low.rs", "use http::Method;\n", &[1]);
    check("src/low.rs", "use unheard_of::Thing;\n", &[1]);
    check(
        "src/low.rs",
        "fn f(m: http::Method) {\n    log::info!(\"\");\n}\n",
        &[1, 2],
    );
    check(
        "src/pure.rs",
        "use crate::error::http;\nfn f() { http::g() }\n",
        &[],
    );
}

#[test]
fn testing_is_imported_by_nobody_and_new_modules_need_a_row() {
    check("src/top.rs", "use crate::testing::Pair;\n", &[1]);
    check("src/fresh.rs", "", &[1]);
    check("src/top.rs", "use crate::Low;\n", &[1]);
}

#[test]
fn comments_strings_captures_and_tests_import_nothing() {
    check(
        "src/low.rs",
        "// use crate::top;\n/* use /* */ crate::top; */\n",
        &[],
    );
    check(
        "src/low.rs",
        "const A: &str = \"use crate::top; \\\" crate::top::x\";\n",
        &[],
    );
    check(
        "src/low.rs",
        "const A: &str = r#\"\" use crate::top;\"#;\nuse crate::top;\n",
        &[2],
    );
    check(
        "src/low.rs",
        "fn f<'a>(c: char) -> impl A + use<'a> { c == '\"'; b'\\''; 'é' }\n",
        &[],
    );
    check(
        "src/low.rs",
        "#[cfg(test)]\nmod tests {\n    use crate::top;\n}\n",
        &[],
    );
    check(
        "src/low.rs",
        "#[cfg(test)]\nuse crate::top;\nuse crate::top::Top;\n",
        &[3],
    );
}

#[test]
fn arms_that_meet_elsewhere_are_found() {
    let source = |path| Source::new(path, "use crate::low::A;\nuse crate::pure::B;\n");
    let meet = |path| TABLE.check_meeting(&source(path), ["low", "pure"], &["src/top/connection"]);
    assert_eq!(meet("src/top/connection.rs"), Vec::<String>::new());
    assert_eq!(meet("src/top/connection/driver.rs"), Vec::<String>::new());
    assert_eq!(meet("src/top/worker.rs").len(), 1);
}

#[test]
fn clocks_in_pure_modules_are_found() {
    let check = |path, text| {
        let source = Source::new(path, text);
        TABLE.check_pure(
            &source,
            &["pure"],
            &["Instant::now", "elapsed()", "std::net"],
        )
    };
    let clock = "use std::time::Instant;\nfn f() { Instant::now().elapsed() }\n";
    assert_eq!(check("src/pure/mod.rs", clock).len(), 2);
    assert_eq!(
        check("src/pure.rs", "use std::{fmt, net::TcpStream};\n").len(),
        1
    );
    assert!(
        check(
            "src/pure.rs",
            "fn f(now: Instant) { let elapsed = 1; }\n// Instant::now()\n"
        )
        .is_empty()
    );
    assert!(check("src/low.rs", clock).is_empty());
}

#[test]
fn orphans_and_test_files_are_found() {
    let files = [
        (
            "src/lib.rs",
            "mod a;\n#[cfg(test)]\nmod tests;\n#[path = \"odd/place.rs\"]\nmod c;\n",
        ),
        ("src/a.rs", "mod b;\n"),
        ("src/a/b.rs", ""),
        ("src/tests.rs", ""),
        ("src/odd/place.rs", ""),
        ("src/lost.rs", "mod also_lost;\n"),
    ];
    let sources: Vec<Source> = files
        .iter()
        .map(|(path, text)| Source::new(path, text))
        .collect();
    let lost = tree::orphans(&sources, &["src/lib.rs"]);
    assert_eq!(lost, ["src/lost.rs:1: in no module: no `mod` leads to it"]);
    let tests = tree::test_files(&sources, &["src/lib.rs"]);
    assert_eq!(tests.into_iter().collect::<Vec<_>>(), ["src/tests.rs"]);
}

#[test]
fn forbidden_words_are_found_in_code_only() {
    let source = Source::new("a.rs", "// todo!()\nfn f() { todo!() }\nfn my_todo() {}\n");
    assert_eq!(forbidden(&source, &["todo!"]), ["a.rs:2: `todo!`"]);
    let source = Source::new("a.rs", "#![forbid(unsafe_code)]\nunsafe fn f() {}\n");
    assert_eq!(forbidden(&source, &["unsafe"]), ["a.rs:2: `unsafe`"]);
}

#[test]
fn sizes_leave_tests_out() {
    let text = "fn a(x: [u8; 2]) {\n    b();\n}\ntrait T {\n    fn d(&self);\n}\n\
                #[cfg(test)]\nmod tests {\n    fn c() {}\n}\n";
    let source = Source::new("a.rs", text);
    assert_eq!(sizes::file(&source).lines, 6);
    let functions = sizes::functions(&source);
    let found: Vec<_> = functions
        .iter()
        .map(|one| (one.name.as_str(), one.lines))
        .collect();
    assert_eq!(found, [("a.rs::a", 3)]);
}

#[test]
fn exceptions_can_only_shrink() {
    let big = |lines| {
        [Measured {
            name: "big".into(),
            place: "big:1".into(),
            lines,
        }]
    };
    let exception = [Exception {
        name: "big",
        lines: 12,
        reason: "a table",
    }];
    let says = |lines, exceptions: &[Exception], words: &str| {
        let findings = sizes::ratchet(&big(lines), 10, exceptions).join("\n");
        assert!(
            findings.contains(words) && findings.is_empty() == words.is_empty(),
            "{findings}"
        );
    };
    says(10, &[], "");
    says(11, &[], "the limit is 10");
    says(12, &exception, "");
    says(13, &exception, "allows 12");
    says(11, &exception, "shrunk to 11");
    says(10, &exception, "no longer needed");
}

#[test]
fn tables_name_every_file() {
    let text = "//! | file | is |\n//! | `one` | first |\nmod one;\npub(crate) mod two;\n\
                #[cfg(test)]\nmod tests;\n";
    let lacks = |path, most| tables::unlisted(&Source::new(path, text), most).len();
    assert_eq!(lacks("src/large/mod.rs", 1), 1);
    assert_eq!(lacks("src/large/mod.rs", 2), 0, "it is not large");
    assert_eq!(lacks("src/large.rs", 1), 0, "it has no files");
}

#[test]
fn percentiles() {
    let of = |n| Measured {
        name: String::new(),
        place: String::new(),
        lines: n,
    };
    let all: Vec<Measured> = (1..=10).map(of).collect();
    assert_eq!(
        [50, 90, 100].map(|percent| sizes::percentile(&all, percent)),
        [5, 9, 10]
    );
    assert_eq!(sizes::percentile(&[], 50), 0);
}
