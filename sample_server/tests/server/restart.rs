//! What the server inherits, whom it tells, and who succeeds it.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use command_fds::{CommandFdExt, FdMapping};

use crate::process::{Server, command, get, read_to_end, temporary};
use crate::settings::File;

#[test]
fn a_successor_takes_over_without_losing_anybody() {
    let mut server = Server::start(&["--workers=2"]);
    for _ in 0..3 {
        let mut request = server.begin_echo();
        server.succeed();
        assert!(
            server.get("/").ends_with("Docking API"),
            "the new one serves"
        );
        std::io::Write::write_all(&mut request, b"hello").expect("the old one reads on");
        assert!(read_to_end(request).ends_with("\r\n\r\nhello"));
    }
    let end = server.stop();
    assert_eq!(end.code, Some(0), "{}", end.log);
    assert!(!end.log.contains(", cut "), "{}", end.log);
    // The last echo of the process before it, and the last request of its own.
    assert!(end.log.ends_with(" served 1 requests\n"), "{}", end.log);
}

#[test]
fn who_watches_looks_at_the_successor() {
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("there is a port"));
    let admin = sockets[1].local_addr().expect("it is bound").to_string();
    let mut command = command(&["--port=1", "--admin=127.0.0.1:1"]);
    command.envs([("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "web:admin")]);
    let mappings = (3..).zip(sockets).map(|(child_fd, socket)| FdMapping {
        parent_fd: socket.into(),
        child_fd,
    });
    command
        .fd_mappings(mappings.collect())
        .expect("they differ");
    let mut server = Server::spawn(&mut command);
    let sample = "{route=\"/plaintext\",method=\"GET\",lane=\"inline\",status=\"2xx\"} 1\n";
    let seen = || get(&admin, "/-/metrics").contains(sample);
    assert!(server.get("/plaintext").ends_with("Hello, World!"));
    assert!(seen());
    server.succeed();
    // The old one answers those whom it accepted before it was told.
    let is_new = (0..100).any(|_| !seen());
    assert!(is_new, "the new process has not been asked for it");
    assert!(server.get("/plaintext").ends_with("Hello, World!"));
    assert!(seen());
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_unix_socket_keeps_its_file_until_the_last_one_ends() {
    let path = temporary("successor.sock");
    let flag = format!("--unix={}", path.display());
    let mut server = Server::spawn(&mut command(&[&flag]));
    server.succeed();
    // The old process has ended before the new one is asked to.
    server.wait_for(" served 0 requests");
    assert!(path.exists());
    assert_eq!(server.stop().code, Some(0));
    assert!(!path.exists());
}

#[test]
fn a_successor_that_is_too_slow_is_ended_and_the_server_serves_on() {
    let mut server = Server::start(&["--restart-timeout=0"]);
    server.signal("USR2");
    let line = server.wait_for("no successor: ");
    assert!(line.contains("did not serve within"), "{line}");
    assert!(line.ends_with("; this process serves on"), "{line}");
    assert!(server.get("/").ends_with("Docking API"));
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn inherited_sockets_are_served_and_their_files_are_not_removed() {
    let path = temporary("inherited.sock");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let unix = UnixListener::bind(&path).expect("it can be made");
    let address = tcp.local_addr().expect("it is bound");
    let mut command = command(&["--port=1", "--workers=2"]);
    command.env("LISTEN_FDS", "2");
    let mapping = |child_fd, parent_fd| FdMapping {
        parent_fd,
        child_fd,
    };
    command
        .fd_mappings(vec![mapping(3, tcp.into()), mapping(4, unix.into())])
        .expect("they differ");
    let mut server = Server::spawn(&mut command);
    assert_eq!(server.address(), address.to_string());
    server.wait_for(&format!("listening on unix:{} (", path.display()));
    assert!(server.get("/").ends_with("Docking API"));
    server.succeed();
    assert!(server.get("/").ends_with("Docking API"));
    assert_eq!(server.stop().code, Some(0));
    assert!(path.exists());
    std::fs::remove_file(&path).expect("it is ours");
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let mut command = command(&["--port=0"]);
    command.envs([("LISTEN_FDS", "1"), ("LISTEN_PID", "1")]);
    let server = Server::spawn(&mut command);
    assert!(server.get("/").ends_with("Docking API"));
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn the_service_manager_is_told() {
    let path = temporary("notify.sock");
    let manager = UnixDatagram::bind(&path).expect("it can be made");
    let (sender, heard) = mpsc::channel();
    // As a manager does, it listens at all times: the server is told that it lives, too.
    thread::spawn(move || {
        let mut buffer = [0; 256];
        while let Ok(count) = manager.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    let told = |words: &str| {
        let mut heard = heard.iter();
        heard
            .find(|text: &String| text.contains(words))
            .expect("it is told")
    };
    let mut command = command(&["--port=0"]);
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "20000");
    let mut server = Server::spawn(&mut command);
    let ready = format!("READY=1\nSTATUS=serving at {}", server.address());
    assert_eq!(told("READY=1"), ready);
    told("WATCHDOG=1");
    server.succeed();
    // The new one says that it serves, and the old one whom to look at; either may be heard first.
    let mut awaited = vec!["MAINPID=", "READY=1"];
    while !awaited.is_empty() {
        let text = heard.recv().expect("both are told");
        awaited.retain(|words| !text.contains(words));
    }
    server.signal("TERM");
    assert!(told("STOPPING=1").contains("STATUS="));
    assert_eq!(server.wait().code, Some(0));
    std::fs::remove_file(&path).expect("it is ours");
}

/// Nobody accepted for as long as the manager was waited for. And a server with nothing to drain ended
/// before it had told its successor to serve, and the successor ended too.
#[test]
fn a_manager_that_takes_nothing_holds_up_no_successor() {
    let path = temporary("full.sock");
    let manager = UnixDatagram::bind(&path).expect("it can be made");
    let mut command = command(&["--port=0"]);
    let mut server = Server::spawn(command.env("NOTIFY_SOCKET", &path));
    let mut buffer = [0; 256];
    manager.recv(&mut buffer).expect("it is told: READY=1");
    let mut idle = server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    // From now on it certainly is the old process's.
    idle.read_exact(&mut [0]).expect("it is answered");
    let filler = UnixDatagram::unbound().expect("a socket is free");
    filler.set_nonblocking(true).expect("possible");
    while filler.send_to(b"FULL=1", &path).is_ok() {}
    server.signal("USR2");
    let mut answer = String::new();
    idle.read_to_string(&mut answer)
        .expect("the drain closes it");
    assert!(answer.ends_with("Docking API"), "{answer}");
    let log = server.adopt();
    assert!(!log.contains("cannot be told"), "{log}");
    assert!(server.get("/").ends_with("Docking API"));
    manager.set_nonblocking(true).expect("possible");
    while manager.recv(&mut buffer).is_ok() {}
    assert_eq!(server.stop().code, Some(0));
    fs::remove_file(&path).expect("it is ours");
}

/// The old process had let go of the sockets by then: nobody listened any more.
#[test]
fn a_successor_that_ends_after_it_was_ready_changes_nothing() {
    let program = Program::new("dying");
    let mut server = Server::spawn(&mut program.command());
    for script in [
        "printf 'ready\n' >&0",
        "printf 'ready\n' >&0; read go; test $go = go",
        "printf 'ready\nserving\n' >&0; read go",
        "printf 'ready\n' >&0; read go; printf 'nonsense\n' >&0; read more",
    ] {
        program.replace(script);
        server.signal("USR2");
        let line = server.wait_for("no successor: ");
        assert!(line.ends_with("; this process serves on"), "{line}");
        assert!(server.get("/").ends_with("Docking API"));
    }
    assert_eq!(server.stop().code, Some(0));
}

/// The release that the link named at the start was started once more.
#[test]
fn a_successor_is_started_by_the_name_that_the_process_was_started_by() {
    let [old, new] = ["old", "new"].map(Program::new);
    new.replace("echo the new release >&2");
    let link = Program(temporary("current"));
    let turn_to = |program: &Program| {
        // An earlier run may have left one.
        let _ = fs::remove_file(&link.0);
        symlink(&program.0, &link.0).expect("it is ours");
    };
    turn_to(&old);
    let mut server = Server::spawn(&mut link.command());
    turn_to(&new);
    server.signal("USR2");
    server.wait_for("the new release");
    server.wait_for("no successor: ");
    fs::remove_file(&link.0).expect("it is ours");
    server.signal("USR2");
    let line = server.wait_for("no successor: ");
    assert!(line.contains(&link.0.display().to_string()), "{line}");
    assert_eq!(server.stop().code, Some(0));
}

/// The successor was told to serve before it had opened this address, and the other one was gone.
#[test]
fn a_successor_without_an_address_for_who_watches_changes_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let file = File::new("taken", "");
    let mut server = Server::start(&[&file.flag()]);
    for (admin, code) in [(&*address, 1), ("nonsense", 2)] {
        file.write(&format!("admin = \"{admin}\"\n"));
        server.signal("HUP");
        let line = server.wait_for("no successor: ");
        let status = format!("(exit status: {code}); this process serves on");
        assert!(line.ends_with(&status), "{line}");
        assert!(server.get("/").ends_with("Docking API"));
    }
    assert_eq!(server.stop().code, Some(0));
}

/// It removed the file of a socket at which the other process went on listening.
#[test]
fn a_successor_that_fails_leaves_the_file_of_the_socket() {
    let path = temporary("failing.sock");
    let flag = format!("--unix={}", path.display());
    let file = File::new("failing", "");
    let mut server = Server::spawn(command(&[&flag, &file.flag()]).env_remove("DATABASE"));
    file.write("database = \"/nonexistent/a.db\"\n");
    server.signal("HUP");
    server.wait_for("no successor: ");
    assert!(path.exists());
    assert_eq!(server.stop().code, Some(0));
    assert!(!path.exists());
}

/// The successor was left behind with the socket, and clients waited for it in vain.
#[test]
fn a_stop_amid_a_handover_leaves_nobody_behind() {
    let program = Program::new("silent");
    let mut server = Server::spawn(&mut program.command());
    let address = server.address().to_owned();
    program.replace("echo somebody is here >&2; exec tail -f /dev/null 2>&-");
    server.signal("USR2");
    server.wait_for("somebody is here");
    let end = server.stop();
    assert_eq!(end.code, Some(0), "{}", end.log);
    let words = "it is not wanted any more (signal: 9 (SIGKILL)); this process ends";
    assert!(end.log.contains(words), "{}", end.log);
    assert!(TcpStream::connect(address).is_err(), "somebody listens");
}

/// The file was removed when only the socket of who watches was inherited.
#[test]
fn the_file_of_an_inherited_socket_for_who_watches_is_not_removed() {
    let path = temporary("admin.sock");
    let socket = UnixListener::bind(&path).expect("it can be made");
    let mut command = command(&["--port=0", "--admin=127.0.0.1:1"]);
    command.envs([("LISTEN_FDS", "1"), ("LISTEN_FDNAMES", "admin")]);
    let mapping = FdMapping {
        parent_fd: socket.into(),
        child_fd: 3,
    };
    command.fd_mappings(vec![mapping]).expect("there is one");
    let mut server = Server::spawn(&mut command);
    server.wait_for(&format!("metrics and stats at unix:{}", path.display()));
    server.succeed();
    assert_eq!(server.stop().code, Some(0));
    assert!(path.exists());
    fs::remove_file(&path).expect("it is ours");
}

/// The successor kept the socket open, and who connected there waited in vain.
#[test]
fn a_successor_without_who_watches_closes_that_address() {
    let file = File::new("unwatched", "admin = \"127.0.0.1:0\"\n");
    let mut server = Server::start(&[&file.flag()]);
    let line = server.wait_for("dashboard at http://");
    let (_, admin) = line.split_once("http://").expect("just seen");
    let admin = admin.trim_end_matches('/');
    assert!(get(admin, "/-/live").ends_with("alive\n"));
    file.write("");
    server.signal("HUP");
    // The new one has closed what it does not need, and the old one has ended.
    server.adopt_after(&["listening on http://", " served 0 requests"]);
    assert!(TcpStream::connect(admin).is_err(), "somebody listens");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn what_was_handed_down_wrongly_is_told_with_its_variable() {
    let long = format!("/{}", "x".repeat(200));
    for (name, value) in [
        ("NOTIFY_SOCKET", &*long),
        ("LISTEN_FDS", "3"),
        ("LISTEN_FDS", "-1"),
        ("LISTEN_FDS", "2000000000"),
    ] {
        let output = command(&["--port=0"]).env(name, value).output();
        let output = output.expect("the binary starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!(": {name}: ")), "{said}");
    }
}

/// A copy of the program, in whose place a test puts another one; removed at its end.
struct Program(PathBuf);

impl Program {
    fn new(name: &str) -> Program {
        let program = Program(temporary(name));
        let original = Path::new(env!("CARGO_BIN_EXE_sample_server"));
        run(Command::new("cp").args([original, &program.0]));
        program
    }

    /// From now on it is this script, whose standard input is the way to the process before.
    fn replace(&self, script: &str) {
        let other = self.0.with_extension("script");
        let install = "printf '#!/bin/sh\n%s\n' \"$0\" >\"$1\" && chmod 755 \"$1\"";
        run(Command::new("sh").args(["-c", install, script]).arg(&other));
        fs::rename(&other, &self.0).expect("it is ours");
    }

    /// As [`command`], at a free port.
    fn command(&self) -> Command {
        let command = command(&["--port=0"]);
        let mut copy = Command::new(&self.0);
        copy.env_clear().args(command.get_args());
        let variables = command.get_envs();
        copy.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        copy.stdin(Stdio::null());
        copy
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It is gone, or will be with all temporary files.
        let _ = fs::remove_file(&self.0);
    }
}

/// Files that are run are made by processes of their own: a program cannot be run while a process that
/// another test starts has it open for writing.
fn run(command: &mut Command) {
    assert!(command.status().expect("it can be run").success());
}
