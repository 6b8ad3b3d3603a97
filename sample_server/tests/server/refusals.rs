//! What the server does not start with, and what it says then.

use std::net::TcpListener;

use crate::process::command;

/// Runs it to its end: one line on standard error, and the exit code.
#[track_caller]
fn refused(flags: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let mut command = command(flags);
    let output = command.envs(environment.iter().copied()).output();
    let output = output.expect("the binary starts");
    let text = String::from_utf8(output.stderr).expect("complaints are text");
    assert_eq!(text.lines().count(), 1, "{flags:?}: {text}");
    assert!(text.starts_with("error: "), "{flags:?}: {text}");
    assert!(output.stdout.is_empty(), "{flags:?}");
    (output.status.code().expect("no signal ends it"), text)
}

#[test]
fn flags_that_make_no_sense_are_exit_code_2() {
    for (flag, reason) in [
        ("--port=99999", "0..=65535"),
        ("--no-such-flag", "--no-such-flag"),
        ("--delay=5x", "500ms"),
        ("--body-limit=2MB", "2MiB"),
        ("--log-level=loud", "possible values"),
        ("--log-format=xml", "possible values"),
        ("--admin=nowhere", "--admin: `nowhere` is no address"),
        ("--host=", "no host"),
        (
            "--workers=0",
            "error: --workers: workers must be at least 1",
        ),
        (
            "--blocking-threads=0",
            "--blocking-threads: blocking threads",
        ),
        ("--deadline=0", "--deadline: the deadline must be above 0"),
        ("--close-timeout=0", "--close-timeout: the close timeout"),
        ("--debug=banana", "invalid value 'banana'"),
        ("--fields-limit=257", "at most 256"),
        ("--head-timeout=0", "head timeout"),
        ("--mail-via=smtp://a:secret@host", "a file of its own"),
        ("--mail-via=smtp://a@host", "--mail-password-file"),
        (
            "--mail-password-file=/dev/null",
            "--mail-via smtp://USER@HOST",
        ),
        ("--mail-from=nobody", "not an address"),
        ("--mail-timeout=0", "--mail-timeout"),
        ("--base-url=example.org", "https://www.example.org"),
        ("--jwt-algorithm=none", "possible values"),
        ("--password-concurrency=0", "from 1 on"),
        ("--database=", "names no database"),
        ("--database=mysql://a", "mysql is no database"),
        ("--database=postgres:///a", "names no host"),
        ("--database=postgres://a/b?sslmode=verify-ca", "or require"),
        ("--database-connections=0", "from 1 on"),
        ("--database-ca=/dev/null", "sslmode=require"),
        ("word", "unexpected argument"),
    ] {
        let (code, text) = refused(&[flag], &[]);
        assert_eq!(code, 2, "{flag}: {text}");
        assert!(text.contains(reason), "{flag}: {text}");
    }
    let (code, text) = refused(&[], &[("IDLE_TIMEOUT", "long")]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("--idle-timeout"), "{text}");
}

#[test]
fn a_key_that_is_none_is_exit_code_1_and_not_shown() {
    let secret = "00ff".repeat(15);
    let (code, text) = refused(&["--port=0"], &[("JWT_KEY", &secret)]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("JWT_KEY: ") && text.contains("openssl rand"),
        "{text}"
    );
    assert!(!text.contains(&secret), "{text}");
    let (code, text) = refused(&["--port=0", "--jwt-key-file=/no/key"], &[]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("/no/key: ") && text.contains("--jwt-key-file"),
        "{text}"
    );
}

#[test]
fn mail_that_cannot_leave_is_exit_code_1() {
    for (flags, reason) in [
        (&["--mail-via=outbox:/dev/null/mail"][..], "/dev/null/mail"),
        (
            &["--mail-via=smtps://a@host", "--mail-password-file=/no/file"],
            "--mail-password-file: /no/file",
        ),
        (
            &["--mail-via=smtps://host", "--mail-ca=/dev/null"],
            "no certificates",
        ),
    ] {
        let (code, text) = refused(flags, &[]);
        assert_eq!(code, 1, "{flags:?}: {text}");
        assert!(text.contains(reason), "{flags:?}: {text}");
    }
}

#[test]
fn an_address_that_cannot_be_had_is_exit_code_1_and_says_what_to_do() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let taken = socket.local_addr().expect("it is bound").to_string();
    let (_, port) = taken.rsplit_once(':').expect("it has a port");
    for (flags, address, advice) in [
        (
            [&*format!("--port={port}"), "--admin=127.0.0.1:0"],
            &*taken,
            "the address is in use; stop the other server or choose another --port",
        ),
        (
            ["--port=0", &format!("--admin={taken}")],
            &taken,
            "the address is in use; stop the other server or choose another --admin",
        ),
        (
            ["--host=192.0.2.1", "--port=0"],
            "192.0.2.1:0",
            "this machine does not have the address; choose another --host",
        ),
        (
            ["--port=0", "--admin=192.0.2.1:0"],
            "192.0.2.1:0",
            "this machine does not have the address; choose another --admin",
        ),
    ] {
        // What is logged before is of no interest here.
        let (code, text) = refused(&flags, &[("LOG_LEVEL", "error")]);
        assert_eq!(code, 1, "{text}");
        let expected = format!("error: cannot listen at {address}: {advice}\n");
        assert_eq!(text, expected);
    }
}

#[test]
fn a_database_that_cannot_be_opened_is_exit_code_1() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = closed.local_addr().expect("it is bound").port();
    drop(closed);
    let server = format!("postgres://a:secret@127.0.0.1:{port}/b");
    for (database, reason) in [
        ("/nonexistent/a.db", "No such file"),
        (env!("CARGO_MANIFEST_DIR"), "directory"),
        (&server, "refused"),
    ] {
        let (code, text) = refused(&["--port=0"], &[("DATABASE", database)]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("cannot open the database"), "{text}");
        assert!(text.contains(reason) && !text.contains("secret"), "{text}");
    }
    let proof = format!("{server}?sslmode=require");
    for (file, reason) in [
        ("/no/file", "No such file"),
        ("/dev/null", "no certificate"),
    ] {
        let flag = format!("--database-ca={file}");
        let (code, text) = refused(&["--port=0", &flag], &[("DATABASE", &proof)]);
        assert_eq!(code, 1, "{text}");
        let names_it = text.contains(&format!("--database-ca: {file}: "));
        assert!(names_it && text.contains(reason), "{text}");
    }
    let (code, text) = refused(&["--database=postgres://a:secret@b/c?d=e"], &[]);
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("a:***@b") && !text.contains("secret"),
        "{text}"
    );
}

#[test]
fn help_is_no_refusal() {
    let output = command(&["--help"]).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    let help = String::from_utf8(output.stdout).expect("help is text");
    for words in [
        "--unix",
        "Limits:",
        "Timers:",
        "Examples:",
        "[default: 2MiB]",
    ] {
        assert!(help.contains(words), "{words}: {help}");
    }
}
