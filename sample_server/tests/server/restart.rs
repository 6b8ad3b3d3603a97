//! What the server inherits, whom it tells, and who succeeds it.

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::sync::mpsc;
use std::thread;

use command_fds::{CommandFdExt, FdMapping};

use crate::process::{Server, command, get, read_to_end, temporary};

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
    told("MAINPID=");
    told("READY=1");
    server.signal("TERM");
    assert!(told("STOPPING=1").contains("STATUS="));
    assert_eq!(server.wait().code, Some(0));
    std::fs::remove_file(&path).expect("it is ours");
}

/// A server with nothing to drain ended before it had told its successor to serve, and the successor
/// ended too.
#[test]
fn an_idle_server_does_not_end_before_its_successor_knows() {
    let path = temporary("full.sock");
    let manager = UnixDatagram::bind(&path).expect("it can be made");
    let mut command = command(&["--port=0"]);
    let mut server = Server::spawn(command.env("NOTIFY_SOCKET", &path));
    let mut buffer = [0; 256];
    manager.recv(&mut buffer).expect("it is told: READY=1");
    let mut idle = server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    // A manager that takes nothing more stands for a machine that is slow at that moment.
    let filler = UnixDatagram::unbound().expect("a socket is free");
    filler.set_nonblocking(true).expect("possible");
    while filler.send_to(b"FULL=1", &path).is_ok() {}
    server.signal("USR2");
    let mut answer = String::new();
    idle.read_to_string(&mut answer)
        .expect("the drain closes it");
    assert!(answer.ends_with("Docking API"), "{answer}");
    // Time enough to end in, as another one shows.
    assert_eq!(Server::start(&[]).stop().code, Some(0));
    manager.set_nonblocking(true).expect("possible");
    while manager.recv(&mut buffer).is_ok() {}
    server.adopt();
    assert!(server.get("/").ends_with("Docking API"));
    assert_eq!(server.stop().code, Some(0));
    std::fs::remove_file(&path).expect("it is ours");
}
