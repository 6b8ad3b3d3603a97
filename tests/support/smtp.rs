//! A real mail server, `aiosmtpd`, which tells its test what happens.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

use crate::certificate::Certificate;
use crate::loopback::PATIENCE;
use crate::program::{Folder, say_skipped};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/mail/smtp_server.py");

/// Where `make` puts a Python that has the package, unless this variable says another place.
const PYTHON: &str = "AIOSMTPD_PYTHON";

/// A mail server that runs; killed when the test ends.
pub struct SmtpServer {
    child: Child,
    /// What it tells, line by line.
    events: mpsc::Receiver<Value>,
    /// Its TCP port on 127.0.0.1.
    pub port: u16,
}

/// How a mail server is to be.
#[derive(Default)]
pub struct Rules<'a> {
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// `starttls` or `tls`, with its certificate; `None`: no TLS.
    pub tls: Option<(&'static str, &'a Certificate)>,
    /// Who has to log in, and by which password; `None`: nobody.
    pub login: Option<(&'static str, &'static str)>,
}

impl SmtpServer {
    /// Starts one; says aloud that what it is for is skipped where that cannot be.
    ///
    /// # Panics
    /// When it does not start, or is not there in CI.
    pub fn start(rules: &Rules<'_>) -> Option<SmtpServer> {
        let mut command = Command::new(python()?);
        command.args(["-B", SCRIPT]);
        command.args(["--port", &rules.port.to_string()]);
        // It has read its files when it says that it listens.
        let _files = rules.tls.map(|(security, certificate)| {
            let folder = Folder::new("smtp");
            let (certificate, key) = certificate.pem();
            command.args(["--security", security]);
            for (flag, pem) in [("--certificate", certificate), ("--key", key)] {
                let path = folder.path().join(flag);
                fs::write(&path, pem).expect("a file can be made");
                command.arg(flag).arg(path);
            }
            folder
        });
        if let Some((user, password)) = rules.login {
            command.args(["--user", user, "--password", password]);
        }
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python starts");
        let events = listen(&mut child);
        let mut server = SmtpServer {
            child,
            events,
            port: 0,
        };
        let port = server.next("listening")["port"].as_u64();
        server.port = port.and_then(|port| port.try_into().ok()).expect("a port");
        Some(server)
    }

    /// What happens next, which is to be an event of this name.
    ///
    /// # Panics
    /// When it is another, or nothing happens.
    #[track_caller]
    pub fn next(&self, event: &str) -> Value {
        let next = self.events.recv_timeout(PATIENCE);
        let next = next.unwrap_or_else(|_| panic!("in vain: {event}"));
        assert_eq!(next["event"], event, "{next}");
        next
    }

    /// Lets a mail to `slow@..` go on.
    ///
    /// # Panics
    /// When it has ended.
    pub fn go_on(&mut self) {
        let stdin = self.child.stdin.as_mut().expect("it is a pipe");
        stdin.write_all(b"\n").expect("it listens");
    }

    /// What has happened and was not asked for.
    pub fn rest(&self) -> Vec<Value> {
        self.events.try_iter().collect()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Python that has the package.
fn python() -> Option<PathBuf> {
    let path = match env::var_os(PYTHON) {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/aiosmtpd/bin/python"),
    };
    if path.is_file() {
        return Some(path);
    }
    let in_ci = env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!in_ci, "there is no {}, which `make` makes", path.display());
    say_skipped("aiosmtpd");
    None
}

/// Reads what a child tells, on a thread that ends with it.
fn listen(child: &mut Child) -> mpsc::Receiver<Value> {
    let stdout = child.stdout.take().expect("it is a pipe");
    let (teller, events) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let event = serde_json::from_str(&line).expect("each line is JSON");
            // The test may have ended.
            let _ = teller.send(event);
        }
    });
    events
}
