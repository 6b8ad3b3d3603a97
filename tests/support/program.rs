//! Programs that tests run, their own one among them: found, or said to be missing; each one ends in
//! time.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, thread};

/// What `timeout` is told: a program that hangs is ended after 100 s, far more than any of them
/// needs, and killed after 5 s more.
const TIME_LIMIT: [&str; 3] = ["-k", "5", "100"];

/// Where programs are besides the search path: that of most users lacks those of administrators.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// Set in the process of a test that runs [`alone`].
const ALONE: &str = "CONTAINER_TEST_RUNS_ALONE";

/// A program of the system.
pub struct Program {
    path: PathBuf,
}

/// What a program did that ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it said.
    pub said: String,
    /// What it said on standard error.
    pub complained: String,
}

/// A program that runs; killed when the test ends before it does.
pub struct Running {
    /// The process.
    pub child: Child,
}

impl Program {
    /// Looks for a program; says aloud that what it is for is skipped where there is none.
    pub fn find(name: &str) -> Option<Program> {
        Program::find_also_in(name, &[])
    }

    /// The same for a program that may be in one of these folders too, the first one first.
    pub fn find_also_in(name: &str, more: &[PathBuf]) -> Option<Program> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
        let folders = folders.chain(more.iter().cloned());
        let found = folders
            .map(|folder| folder.join(name))
            .find(|path| path.is_file());
        if found.is_none() {
            say_skipped(name);
        }
        found.map(|path| Program { path })
    }

    /// A call of it that serves until it is killed.
    pub fn server(&self) -> Command {
        Command::new(&self.path)
    }

    /// A call of it that ends by itself, or else is ended.
    pub fn command(&self) -> Command {
        let mut command = Command::new("timeout");
        command.args(TIME_LIMIT).arg(&self.path);
        command
    }
}

impl Running {
    /// Starts a program that reads what the test writes, and whose words the test reads.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(command: &mut Command) -> Running {
        Running {
            child: talk(command),
        }
    }

    /// Starts a program that serves, and has what it says written to a file.
    ///
    /// # Panics
    /// When it does not start.
    pub fn serve(command: &mut Command, log: &Path) -> Running {
        let log = File::create(log).expect("a file can be made");
        let again = log.try_clone().expect("a descriptor is free");
        let command = command.stdin(Stdio::null()).stdout(log).stderr(again);
        Running {
            child: start(command),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says once for each program what is skipped without it.
pub(crate) fn say_skipped(name: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let is_first = SAID.lock().expect("no panic").insert(name.to_owned());
    if is_first {
        // Past the test harness, which would keep it from those who should see it.
        let mut stderr = std::io::stderr().lock();
        let _ = writeln!(
            stderr,
            "SKIPPED: the tests with {name}, which is not installed"
        );
    }
}

/// Runs a program to its end, with this as its standard input.
///
/// # Panics
/// When it does not start, or says what is no text.
pub fn run(command: &mut Command, input: &[u8]) -> Finished {
    let mut child = talk(command);
    let mut stdin = child.stdin.take().expect("it is a pipe");
    let output = thread::scope(|scope| {
        scope.spawn(move || {
            // Programs need not read to the end.
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().expect("it is our child")
    });
    Finished {
        code: output.status.code(),
        said: String::from_utf8(output.stdout).expect("text"),
        complained: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Has the calling test, whose path is `name`, run `test` in a process of its own, which no other
/// test changes or is changed by. A shell does `setup` before, such as `ulimit -Sn 64`.
///
/// # Panics
/// When the test fails there, or the program has none of that name.
#[track_caller]
pub fn alone(name: &str, setup: &str, test: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return test();
    }
    let shell = Program::find("sh").expect("every system has one");
    let itself = env::current_exe().expect("the system knows what runs");
    let script = format!("{setup} && exec \"$0\" --exact \"$1\"");
    let mut command = shell.command();
    command.arg("-c").arg(script).arg(itself).arg(name);
    let ran = run(command.env(ALONE, "1"), b"");
    let passed = ran.code == Some(0) && ran.said.contains("1 passed");
    assert!(passed, "{ran:?}");
}

/// Starts it with all its ends in the test's hands.
fn talk(command: &mut Command) -> Child {
    start(
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    )
}

fn start(command: &mut Command) -> Child {
    let child = command.spawn();
    child.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A folder of one test alone; deleted when that ends.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes an empty one.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn new(name: &str) -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(format!("container-{name}-{process}-{number}"));
        // One of the same number may have been killed before it could tidy up.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a folder can be made");
        Folder { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left over is the system's to tidy up.
        let _ = fs::remove_dir_all(&self.path);
    }
}
