//! Where settings come from, and what is said of those that make no sense.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::process::{Server, command, read_to_end, temporary};

/// A configuration file of a test's own, removed at its end.
pub(crate) struct File(pub(crate) PathBuf);

impl File {
    pub(crate) fn new(test: &str, text: &str) -> File {
        let file = File(temporary(&format!("{test}.toml")));
        file.write(text);
        file
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(&self.0, text).expect("it can be written");
    }

    pub(crate) fn flag(&self) -> String {
        format!("--config={}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // It is gone, or will be with all temporary files.
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_flag_wins_over_its_variable_that_over_the_file_that_over_the_default() {
    let file = File::new(
        "order",
        "# limits\nworkers = 3\nbody-limit = \"4MiB\"\nidle-timeout = 7.5\n\ndebug = true\n",
    );
    let mut command = command(&[&file.flag(), "--print-config", "--workers=1"]);
    command.envs([
        ("WORKERS", "2"),
        ("BODY_LIMIT", "5MiB"),
        ("HEAD_LIMIT", "64KiB"),
    ]);
    let output = command.output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).expect("it is text");
    let place = |line| format!("{}:{line}", file.0.display());
    for line in [
        "workers = \"1\" # --workers".to_owned(),
        "body-limit = \"5MiB\" # BODY_LIMIT".to_owned(),
        "head-limit = \"64KiB\" # HEAD_LIMIT".to_owned(),
        format!("idle-timeout = \"7.5\" # {}", place(4)),
        format!("debug = true # {}", place(6)),
        "line-limit = \"8KiB\" # default".to_owned(),
        "# deadline is not set".to_owned(),
    ] {
        assert!(
            text.lines().any(|printed| printed == line),
            "{line}: {text}"
        );
    }
}

#[test]
fn what_is_printed_can_be_read_again() {
    let print = |flags: &[&str]| {
        let output = command(flags)
            .arg("--print-config")
            .output()
            .expect("it starts");
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).expect("it is text");
        let settings = text.lines().filter_map(|line| line.split_once(" # "));
        (
            settings
                .map(|(setting, _)| setting.to_owned())
                .collect::<Vec<_>>(),
            text,
        )
    };
    let (settings, text) = print(&["--delay=20ms", "--unix=/a \\b"]);
    let file = File::new("again", &text);
    assert_eq!(print(&[&file.flag()]).0, settings);
}

#[test]
fn mistakes_are_told_with_their_place() {
    let file = File::new("mistakes", "");
    let path = file.0.display();
    for (text, place, reason) in [
        ("workers = 1\nbody-limit = \"2MB\"\n", ":2: ", "2MiB"),
        (
            "\n\nbody-limits = 3\n",
            ":3: ",
            "did you mean `body-limit`?",
        ),
        ("nonsense = 3\n", ":1: ", "there is no setting `nonsense`"),
        ("config = \"a\"\n", ":1: ", "there is no setting `config`"),
        (
            "\"a\\u001b\\nb\" = 1\n",
            ":1: ",
            r"there is no setting `a\u{1b}\nb`",
        ),
        (&"#".repeat(1 << 20 | 1), ": ", "more than 1 MiB"),
        (
            "workers = [1]\n",
            ":1: ",
            "must be a text, a decimal number",
        ),
        (
            "port = 0x1F90\n",
            ":1: ",
            "must be a text, a decimal number",
        ),
        ("debug = \"banana\"\n", ":1: ", "must be true or false"),
        ("\ndebug = 7\n", ":2: ", "must be true or false"),
        (
            "protect-users = \"flase\"\n",
            ":1: ",
            "must be true or false",
        ),
        ("unix = true\n", ":1: ", "`unix` is no switch"),
        ("workers = 0\n", ":1: ", "workers must be at least 1"),
        ("\nrequests = 0\n", ":2: ", "requests at once must be"),
        ("connections = 0\n", ":1: ", "connections must be at"),
        ("admin = \"nonsense\"\n", ":1: ", "`nonsense` is no address"),
        ("deadline = \"0\"\n", ":1: ", "the deadline must be above 0"),
        ("workers = 1\nport = \n", ":2: ", "value"),
        ("port = 99999", ":1: ", "0..=65535"),
    ] {
        file.write(text);
        let output = command(&[&file.flag()])
            .output()
            .expect("the binary starts");
        let said = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(2), "{text}: {said}");
        assert!(
            said.starts_with(&format!("error: {path}{place}")),
            "{text}: {said}"
        );
        assert!(
            said.contains(reason) && said.lines().count() == 1,
            "{text}: {said}"
        );
    }
    for (name, value, reason) in [
        ("PORT", "none", "invalid value 'none'"),
        ("DEBUG", "app:*", "invalid value 'app:*'"),
        ("REQUESTS", "0", "requests at once must be at least 1"),
    ] {
        let output = command(&[]).env(name, value).output();
        let output = output.expect("the binary starts");
        let said = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.starts_with(&format!("error: {name}: {reason}")),
            "{said}"
        );
    }
}

/// What a file had switched on stayed on.
#[test]
fn a_flag_switches_off_what_a_file_switches_on() {
    let file = File::new("switch", "debug = true\ntraces = true\n");
    let mut command = command(&[
        &file.flag(),
        "--print-config",
        "--debug=false",
        "--server-timing",
    ]);
    let output = command.env("TRACES", "0").output();
    let output = output.expect("the binary starts");
    let text = String::from_utf8(output.stdout).expect("it is text");
    for line in [
        "debug = false # --debug",
        "traces = false # TRACES",
        "server-timing = true # --server-timing",
        "protect-users = false # default",
    ] {
        assert!(
            text.lines().any(|printed| printed == line),
            "{line}: {text}"
        );
    }
}

#[test]
fn a_successor_reads_the_file_anew_and_a_bad_one_changes_nothing() {
    let file = File::new("reload", "body-limit = 5\n");
    let mut server = Server::start(&[&file.flag()]);
    let echo =
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
    let answers = |server: &Server, status: &str| {
        let answer = read_to_end(server.send(echo));
        assert!(answer.starts_with(status), "{answer}");
    };
    answers(&server, "HTTP/1.1 200 ");
    file.write("body-limit = \"many\"\n");
    server.signal("HUP");
    let line = server.wait_for("no successor: ");
    assert!(line.contains("exit status: 2"), "{line}");
    answers(&server, "HTTP/1.1 200 ");
    file.write("body-limit = 4\n");
    server.signal("HUP");
    server.adopt();
    answers(&server, "HTTP/1.1 413 ");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn the_key_is_kept_beside_the_database_and_shown_to_nobody() {
    let folder = temporary("key");
    // What an earlier run left is of no use.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).expect("there is room");
    let database = format!("--database={}", folder.join("data.db").display());
    let server = Server::start(&[&database]);
    assert_eq!(server.stop().code, Some(0));
    let file = folder.join("jwt.key");
    let mode = fs::metadata(&file)
        .expect("it was made")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = fs::read_to_string(&file).expect("it is ours");
    let server = Server::start(&[&database, "--log-level=trace"]);
    let end = server.stop();
    assert!(!end.log.contains(key.trim()), "{}", end.log);
    assert_eq!(fs::read_to_string(&file).ok(), Some(key), "the same one");

    let secret = "00ff".repeat(16);
    let mut command = command(&[&database, "--print-config"]);
    let output = command.env("JWT_KEY", &secret).output();
    let text = String::from_utf8(output.expect("it starts").stdout).expect("text");
    assert!(text.contains("jwt-key-file"), "{text}");
    assert!(!text.contains(&secret), "{text}");
    // All of it is the test's own.
    let _ = fs::remove_dir_all(&folder);
}
