//! `docs/tutorial.md`, done as it says: its files are written, its commands are run, and what they
//! say is what the page says.
//!
//! - A block whose fence names a file, such as `rust src/main.rs`, is that file.
//! - A block `console` has commands behind `$ `, each with its output; `...` stands for anything.
//! - `cargo run` starts the server, at a port of its own; `^C` stops it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command};

use tests::program::{Finished, Folder, Program, Running, run};

/// The page's address, in place of which the server's own is put.
const ADDRESS: &str = "127.0.0.1:8888";

/// Where the page says that the container is.
const CONTAINER: &str = "../container/container";

/// One thing that the page has its reader do.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Write { path: String, text: String },
    Run { command: String, output: String },
    Interrupt { output: String },
}

/// The steps of a page, in order.
fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut blocks = page.split("\n```");
    blocks.next();
    while let (Some(block), Some(_text)) = (blocks.next(), blocks.next()) {
        let (fence, text) = block.split_once('\n').expect("a block has lines");
        match fence.split_once(' ') {
            Some((_, path)) => steps.push(Step::Write {
                path: path.to_owned(),
                text: format!("{text}\n"),
            }),
            None if fence == "console" => converse(text, &mut steps),
            None => panic!("a block is a file or a console, and no {fence:?}"),
        }
    }
    steps
}

/// The steps of one console.
fn converse(text: &str, steps: &mut Vec<Step>) {
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step::Run {
                command: command.to_owned(),
                output: String::new(),
            });
        } else if line == "^C" {
            steps.push(Step::Interrupt {
                output: String::new(),
            });
        } else {
            match steps.last_mut() {
                Some(Step::Run { output, .. } | Step::Interrupt { output }) => {
                    output.push_str(line);
                    output.push('\n');
                }
                _ => panic!("output of no command: {line}"),
            }
        }
    }
}

/// Whether a text is what was expected: where that has `...`, anything may be, or nothing.
fn fits(text: &str, expected: &str) -> bool {
    let text = text.replace("\r\n", "\n");
    let (text, expected) = (text.trim_end(), expected.trim_end());
    let Some((first, expected)) = expected.split_once("...") else {
        return text == expected;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = expected.split("...").collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.split_once(part.trim_start_matches('\n')) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last.trim_start_matches('\n'))
}

/// The folder in which the page is followed.
struct Workshop {
    folder: Folder,
    server: Option<Server>,
}

/// The server that is being built, while it runs.
struct Server {
    running: Running,
    said: BufReader<ChildStdout>,
    address: String,
}

impl Workshop {
    fn follow(&mut self, step: &Step) {
        match step {
            Step::Write { path, text } => self.write(path, text),
            Step::Run { command, output } if command == "cargo run" => self.start(output),
            Step::Run { command, output } => {
                let said = self.ask(command);
                assert!(fits(&said, output), "{command}\n{said}\nand not\n{output}");
            }
            Step::Interrupt { output } => {
                let said = self.stop();
                assert!(fits(&said, output), "^C\n{said}\nand not\n{output}");
            }
        }
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.folder.path().join(path);
        let container = root().join("container");
        let text = text.replace(CONTAINER, container.to_str().expect("text"));
        fs::create_dir_all(file.parent().expect("it is in the folder")).expect("it is made");
        fs::write(file, text).expect("it is written");
    }

    fn start(&mut self, output: &str) {
        assert!(self.server.is_none(), "one server at a time");
        let built = self.cargo("build --quiet");
        assert_eq!(built.complained, "", "the compiler has nothing to say");
        let mut command = Command::new(target().join("debug/values"));
        let mut running = Running::start(command.arg("127.0.0.1:0"));
        let said = running.child.stdout.take().expect("it is a pipe");
        let mut said = BufReader::new(said);
        let mut line = String::new();
        said.read_line(&mut line).expect("it says where it listens");
        let address = line.trim_end().rsplit(' ').next().expect("a word");
        let address = address.to_owned();
        assert_eq!(line.replace(&address, ADDRESS), output);
        self.server = Some(Server {
            running,
            said,
            address,
        });
    }

    fn stop(&mut self) -> String {
        let mut server = self.server.take().expect("a server runs");
        let pid = server.running.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "INT", &pid]).status();
        assert!(sent.expect("there is a `kill`").success());
        let mut said = String::new();
        server.said.read_to_string(&mut said).expect("it ends");
        said
    }

    /// Runs a command of the page to its end.
    fn ask(&self, command: &str) -> String {
        if let Some(cargo) = command.strip_prefix("cargo ") {
            return self.cargo(cargo).said;
        }
        let address = self.server.as_ref().map(|server| server.address.as_str());
        let command = command.replace(ADDRESS, address.unwrap_or(ADDRESS));
        let shell = Program::find("sh").expect("every system has one");
        run(shell.command().args(["-c", &command]), b"").said
    }

    fn cargo(&self, arguments: &str) -> Finished {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments.split(' ')).arg("--offline");
        command.arg("--target-dir").arg(target());
        let finished = run(command.current_dir(self.folder.path()), b"");
        assert_eq!(finished.code, Some(0), "{}", finished.complained);
        finished
    }
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the tests are in the workspace").to_owned()
}

/// Kept from run to run: most of what is built is not the page's.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("tutorial")
}

#[test]
fn the_tutorial_does_what_it_says() {
    if Program::find("curl").is_none() {
        return;
    }
    let page = fs::read_to_string(root().join("docs/tutorial.md")).expect("it is there");
    let steps = steps(&page);
    let mut workshop = Workshop {
        folder: Folder::new("tutorial"),
        server: None,
    };
    // The versions of everything that the workspace has.
    let lock = workshop.folder.path().join("Cargo.lock");
    fs::copy(root().join("Cargo.lock"), lock).expect("there is a lock file");
    for step in &steps {
        workshop.follow(step);
    }
    assert!(workshop.server.is_none(), "the page stops its server");
}

#[test]
fn what_is_expected_may_leave_things_out() {
    let check = |text: &str, expected: &str, is_fit: bool| {
        assert_eq!(fits(text, expected), is_fit, "{text:?} {expected:?}");
    };
    check("a\nb\n", "a\nb", true);
    check("a\nb\n", "a", false);
    check("a", "a\nb", false);
    check("", "", true);
    check("a", "", false);
    check("a\nb\nc\n", "a\n...\nc\n", true);
    check("a\nc\n", "a\n...\nc\n", true);
    check("a\nb\nc\n", "...\nb\n...\n", true);
    check("a\nb\nc\n", "...\nb\n", false);
    check("took 1 s", "took ... s", true);
    check("took 1 ms", "took ... s", false);
    check("a\r\nb\r\nc", "a\n...\nc", true);
    check("b a", "a ... b", false);
}

#[test]
fn a_page_is_read_in_order() {
    let page =
        "text\n\n```toml Cargo.toml\n[package]\n```\n\n    a\n\n```console\n$ b\nc\n^C\nd\n```\n";
    let text = |text: &str| text.to_owned();
    let expected = [
        Step::Write {
            path: text("Cargo.toml"),
            text: text("[package]\n"),
        },
        Step::Run {
            command: text("b"),
            output: text("c\n"),
        },
        Step::Interrupt {
            output: text("d\n"),
        },
    ];
    assert_eq!(steps(page), expected);
}
