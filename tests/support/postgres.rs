//! A PostgreSQL server of the test's own, in a temporary folder: started, killed, started again.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::{env, fs, thread};

use crate::Certificate;
use crate::loopback::until;
use crate::program::{Folder, Program, run};

/// Where Debian puts the programs of each version of the server, besides the search path.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Who may log in, and with what: among it are characters that a URL must encode.
const USER: &str = "tester";
const PASSWORD: &str = "p@ss/word";
const PASSWORD_ENCODED: &str = "p%40ss%2Fword";

/// What the server says when it can be connected to.
const READY: &str = "database system is ready to accept connections";

/// Whom the server runs as where the test is root's, which it refuses: the first that there is.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// How often a start is tried. Another program may take the port just before the server does; and
/// after a kill, what is left of the old server needs a moment to notice.
const ATTEMPTS: u32 = 100;

/// A server; killed when the test ends.
pub struct Postgres {
    programs: Programs,
    /// The port; its Unix socket has it in its name.
    port: u16,
    /// `None` while it does not run.
    process: Option<Child>,
    /// Whether it has a certificate.
    has_tls: bool,
    /// Its files. Removed last.
    folder: Folder,
}

/// The programs of a server, and how they are run.
struct Programs {
    initdb: Program,
    postgres: Program,
    psql: Program,
    /// Whom they run as instead of root: user and group.
    owner: Option<(u32, u32)>,
}

/// A session of somebody who has locked something; the lock goes with it.
pub struct Locked {
    psql: Child,
}

impl Postgres {
    /// Starts a server; says aloud that what it is for is skipped where there is none.
    ///
    /// # Panics
    /// When it does not start, or is missing where everything must be there (`CI=true`).
    pub fn start(name: &str) -> Option<Postgres> {
        Postgres::start_with(name, None)
    }

    /// The same with TLS for whoever wants it, and this certificate.
    ///
    /// # Panics
    /// As [`Postgres::start`].
    pub fn start_with_tls(name: &str, certificate: &Certificate) -> Option<Postgres> {
        Postgres::start_with(name, Some(certificate))
    }

    fn start_with(name: &str, certificate: Option<&Certificate>) -> Option<Postgres> {
        let Some(programs) = Programs::find() else {
            let is_needed = env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!is_needed, "there is no PostgreSQL");
            return None;
        };
        let folder = Folder::new(name);
        programs.initialise(folder.path());
        if let Some(certificate) = certificate {
            programs.certify(folder.path(), certificate);
        }
        let mut server = Postgres {
            programs,
            port: free_port(),
            process: None,
            has_tls: certificate.is_some(),
            folder,
        };
        server.run();
        Some(server)
    }

    /// The URL of a database, over TCP.
    pub fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgres://{USER}:{PASSWORD_ENCODED}@127.0.0.1:{port}/{database}")
    }

    /// The URL of a database, over a Unix socket.
    pub fn unix_url(&self, database: &str) -> String {
        let (port, folder) = (self.port, self.folder.path().display());
        format!(
            "postgres:///{database}?host={folder}&port={port}&user={USER}&password={PASSWORD_ENCODED}"
        )
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn create(&self, database: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {database}"));
        self.url(database)
    }

    /// Makes a copy of a database to which nobody is connected, and gives its URL.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn copy(&self, template: &str, database: &str) -> String {
        let command = format!("CREATE DATABASE {database} TEMPLATE {template}");
        self.sql("postgres", &command);
        self.url(database)
    }

    /// Runs a statement and gives its rows, one a line.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let mut psql = self.programs.psql.command();
        self.address(&mut psql, database).args(["-c", statement]);
        let ran = run(&mut psql, b"");
        assert_eq!(ran.code, Some(0), "{statement}: {}", ran.complained);
        ran.said.trim_end().to_owned()
    }

    /// Has the server end all connections to a database, and waits until it has told them so.
    ///
    /// # Panics
    /// When it does not.
    pub fn terminate(&self, database: &str) {
        let ours = format!("FROM pg_stat_activity WHERE datname = '{database}'");
        self.sql(
            "postgres",
            &format!("SELECT pg_terminate_backend(pid) {ours}"),
        );
        until("its connections are gone", || {
            self.sql("postgres", &format!("SELECT count(*) {ours}")) == "0"
        });
    }

    /// Locks a table of a database against everybody who writes.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn lock(&self, database: &str, table: &str) -> Locked {
        self.lock_in_mode(database, table, "EXCLUSIVE")
    }

    /// Locks a table of a database against everybody.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn lock_out(&self, database: &str, table: &str) -> Locked {
        self.lock_in_mode(database, table, "ACCESS EXCLUSIVE")
    }

    fn lock_in_mode(&self, database: &str, table: &str, mode: &str) -> Locked {
        let mut psql = self.programs.psql.server();
        self.address(&mut psql, database);
        let mut psql = psql
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql starts");
        let stdin = psql.stdin.as_mut().expect("it is a pipe");
        let commands = format!("BEGIN; LOCK TABLE {table} IN {mode} MODE; SELECT 'locked';\n");
        stdin.write_all(commands.as_bytes()).expect("it reads");
        let stdout = psql.stdout.as_mut().expect("it is a pipe");
        let mut said = [0; "locked".len()];
        stdout.read_exact(&mut said).expect("it says so");
        assert_eq!(&said, b"locked");
        Locked { psql }
    }

    /// Kills it, as `kill -9` would: it cannot say goodbye to anybody.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        let children = format!("/proc/{0}/task/{0}/children", process.id());
        let children = fs::read_to_string(children).unwrap_or_default();
        process.kill().expect("it is our child");
        process.wait().expect("it is our child");
        // Those it has started serve until they see that it has gone; some have ended by now.
        let mut kill = Command::new("kill");
        kill.arg("-9").args(children.split_whitespace());
        kill.stderr(Stdio::null()).status().expect("there is kill");
    }

    /// Starts it again at its port, with all that was committed.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it was killed");
        self.run();
    }

    /// Starts the server and waits until it is ready.
    fn run(&mut self) {
        let is_new = !self.folder.path().join("data/postmaster.pid").exists();
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            let (process, said) = self.attempt();
            if process.is_some() {
                self.process = process;
                return;
            }
            log = said;
            if is_new {
                self.port = free_port();
            }
        }
        panic!("PostgreSQL does not start: {log}");
    }

    /// The server when it is ready, or else what it said.
    fn attempt(&self) -> (Option<Child>, String) {
        let mut postgres = self.programs.own(&self.programs.postgres);
        postgres
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-k")
            .arg(self.folder.path())
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            // What was written outlives a kill; only a loss of power would need more.
            .args(["-F", "-c", "full_page_writes=off"])
            .args(["-c", if self.has_tls { "ssl=on" } else { "ssl=off" }]);
        let mut process = postgres
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server is a program");
        let mut stderr = BufReader::new(process.stderr.take().expect("it is a pipe"));
        let mut log = String::new();
        while stderr.read_line(&mut log).expect("the log is text") > 0 {
            if log.contains(READY) {
                // Read on, since a server whose log is full stands still.
                thread::spawn(move || drain(stderr));
                return (Some(process), log);
            }
        }
        process.wait().expect("it is our child");
        (None, log)
    }

    /// Has psql talk to a database of this server, printing plain rows and failing on errors.
    fn address<'a>(&self, psql: &'a mut Command, database: &str) -> &'a mut Command {
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h"])
            .arg(self.folder.path())
            .args(["-p", &self.port.to_string(), "-U", USER, "-d", database])
            .env("PGPASSWORD", PASSWORD)
    }
}

impl Programs {
    fn find() -> Option<Programs> {
        let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = versions.map(|it| it.path().join("bin")).collect();
        folders.sort();
        folders.reverse();
        Some(Programs {
            postgres: Program::find_also_in("postgres", &folders)?,
            initdb: Program::find_also_in("initdb", &folders)?,
            psql: Program::find_also_in("psql", &folders)?,
            owner: owner(),
        })
    }

    /// A call of a program by whoever owns the server.
    fn own(&self, program: &Program) -> Command {
        let mut command = program.server();
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        // Root's own folder would be no place for somebody else.
        command.current_dir("/");
        command
    }

    /// Makes the files of a server in a folder.
    fn initialise(&self, folder: &Path) {
        let password = folder.join("password");
        fs::write(&password, PASSWORD).expect("it can be written");
        if let Some((user, group)) = self.owner {
            chown(folder, Some(user), Some(group)).expect("root may");
        }
        let mut initdb = self.own(&self.initdb);
        initdb
            .arg("-D")
            .arg(folder.join("data"))
            .arg("--pwfile")
            .arg(password)
            .args(["-U", USER, "-A", "scram-sha-256", "-E", "UTF8"])
            .args(["--locale=C", "--no-sync"]);
        let ran = run(&mut initdb, b"");
        assert_eq!(ran.code, Some(0), "{}", ran.complained);
    }

    /// Puts a certificate and its key where the server looks for them.
    fn certify(&self, folder: &Path, certificate: &Certificate) {
        let (pem, key) = certificate.pem();
        for (name, text) in [("server.crt", pem), ("server.key", key)] {
            let path = folder.join("data").join(name);
            fs::write(&path, text).expect("it can be written");
            // It does not start with a key that others can read.
            fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("it is ours");
            if let Some((user, group)) = self.owner {
                chown(path, Some(user), Some(group)).expect("root may");
            }
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Both fail when it has ended already, with its server.
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}

/// Who owns the server where the test is root's.
fn owner() -> Option<(u32, u32)> {
    let id = |flag: &str, user: &str| {
        let ran = Command::new("id").args([flag, user]).output().ok()?;
        let text = String::from_utf8(ran.stdout).ok()?;
        text.trim().parse::<u32>().ok()
    };
    let own = Command::new("id").arg("-u").output().ok()?;
    if own.stdout.trim_ascii() != b"0" {
        return None;
    }
    let ids = |user: &&str| Some((id("-u", user)?, id("-g", user)?));
    UNPRIVILEGED.iter().find_map(ids)
}

/// A port that nobody listened at just now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has one").port()
}

fn drain(mut stderr: BufReader<ChildStderr>) {
    let mut line = vec![];
    while matches!(stderr.read_until(b'\n', &mut line), Ok(count) if count > 0) {
        line.clear();
    }
}
