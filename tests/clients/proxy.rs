//! A proxy in front of containers: how it is started, and how a client of it speaks.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::{fs, thread};

use container::server::Handle;
use tests::loopback::{address, connect_unix, receive, send, until};
use tests::program::{Folder, Program, Running};
use tests::{Answer, read_answers};

/// A proxy: how it is called and what it is told.
pub(crate) struct Kind {
    pub(crate) program: &'static str,
    /// What stands before the path of its configuration.
    flags: &'static [&'static str],
    configuration: &'static str,
    /// One back end.
    server: fn(usize, &Handle) -> String,
    /// Its sockets that keep their connections to the back end.
    pub(crate) kept: &'static [&'static str],
    /// Its sockets that do not.
    pub(crate) unkept: &'static [&'static str],
}

pub(crate) const NGINX: Kind = Kind {
    program: "nginx",
    flags: &["-e", "stderr", "-c"],
    configuration: include_str!("nginx.conf"),
    server: |_, handle| format!("server {};", address(handle)),
    kept: &["buffered", "streamed"],
    unkept: &["older"],
};

pub(crate) const HAPROXY: Kind = Kind {
    program: "haproxy",
    flags: &["-db", "-f"],
    configuration: include_str!("haproxy.cfg"),
    server: |number, handle| format!("server back-{number} {}", address(handle)),
    kept: &["streamed"],
    unkept: &["closing"],
};

/// A proxy that runs.
pub(crate) struct Proxy {
    running: Running,
    folder: Folder,
}

impl Proxy {
    /// Starts it in front of these, and waits until it listens.
    pub(crate) fn start(kind: &Kind, program: &Program, test: &str, back: &[&Handle]) -> Proxy {
        let folder = Folder::new(&format!("{}-{test}", kind.program));
        let servers = back.iter().enumerate();
        let servers: Vec<String> = servers
            .map(|(number, handle)| (kind.server)(number, handle))
            .collect();
        let configuration = kind
            .configuration
            .replace("{folder}", folder.path().to_str().expect("text"))
            .replace("{servers}", &servers.join("\n"));
        let path = folder.path().join("configuration");
        fs::write(&path, configuration).expect("the folder is ours");
        let mut command = program.server();
        command.args(kind.flags).arg(path);
        let running = Running::serve(&mut command, &folder.path().join("log"));
        let mut proxy = Proxy { running, folder };
        for socket in kind.kept.iter().chain(kind.unkept) {
            let path = proxy.socket(socket);
            until("the proxy listens", || {
                let ended = proxy.running.child.try_wait().expect("it is our child");
                assert!(ended.is_none(), "{}", proxy.log());
                UnixStream::connect(&path).is_ok()
            });
        }
        proxy
    }

    pub(crate) fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Sends requests, of which the last one closes, and reads all answers.
    pub(crate) fn exchange(&self, socket: &str, requests: &str, heads: &[usize]) -> Vec<Answer> {
        let stream = connect_unix(&self.socket(socket));
        let received = thread::scope(|scope| {
            scope.spawn(|| send(&stream, requests));
            receive(&stream)
        });
        read_answers(&received, heads)
    }
}
