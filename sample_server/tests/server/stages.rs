//! Stages: which file of settings is chosen, what wins over it, and what is no stage.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::{fs, io};

use crate::process::{Server, command, temporary};
use crate::settings::File;

/// The files that come with the program.
const OURS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/stages");

const STAGES: [&str; 4] = ["production", "staging", "development", "test"];

/// A folder of a test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> io::Result<Folder> {
        let path = temporary(test);
        fs::create_dir(&path)?;
        Ok(Folder(path))
    }

    fn write(&self, stage: &str, text: &str) -> PathBuf {
        let path = self.0.join(format!("{stage}.toml"));
        fs::write(&path, text).expect("it can be written");
        path
    }

    fn flag(&self) -> String {
        format!("--stages={}", self.0.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is gone, or will be with all temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs it to its end.
fn run(flags: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = command(flags);
    let output = command.envs(environment.iter().copied()).output();
    output.expect("the binary starts")
}

/// What `--print-config` prints.
#[track_caller]
fn printed(flags: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(&[flags, &["--print-config"]].concat(), environment);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).expect("it is text")
}

/// It does not start, and says this.
#[track_caller]
fn check_refused(flags: &[&str], environment: &[(&str, &str)], expected: &[&str]) {
    let output = run(flags, environment);
    let said = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for words in expected {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn the_stages_file_wins_over_the_default_alone() {
    let folder = Folder::new("stage-order").expect("it can be made");
    let all = "workers = 5\nbody-limit = 5\nhead-limit = 5\nline-limit = 5\n";
    let staged = folder.write("staging", all);
    folder.write("test", "workers = 6\n");
    let file = File::new(
        "stage-order",
        "workers = 4\nbody-limit = 4\nhead-limit = 4\n",
    );
    let flags = [&*folder.flag(), &file.flag(), "--workers=2"];
    let environment = [("STAGE", "staging"), ("WORKERS", "3"), ("BODY_LIMIT", "3")];
    let text = printed(&flags, &environment);
    for line in [
        "workers = \"2\" # --workers".to_owned(),
        "body-limit = \"3\" # BODY_LIMIT".to_owned(),
        format!("head-limit = \"4\" # {}:3", file.0.display()),
        format!("line-limit = \"5\" # {}:4", staged.display()),
        "fields-limit = \"128\" # default".to_owned(),
    ] {
        assert!(
            text.lines().any(|printed| printed == line),
            "{line}: {text}"
        );
    }
    // A flag wins over the variable here too.
    let flags = [&*folder.flag(), "--stage=test"];
    assert!(printed(&flags, &[("STAGE", "staging")]).contains("workers = \"6\""));
}

#[test]
fn without_a_stage_no_file_is_read() {
    let folder = Folder::new("no-stage").expect("it can be made");
    for stage in STAGES {
        folder.write(stage, "workers = 77\n");
    }
    assert_eq!(printed(&[&folder.flag()], &[]), printed(&[], &[]));
}

#[test]
fn what_is_no_stage_is_told_with_those_that_are() {
    check_refused(&["--stage=beta"], &[], &STAGES);
    check_refused(&["--stage=Production"], &[], &STAGES);
    let expected = [&["error: STAGE: "], &STAGES[..]].concat();
    check_refused(&[], &[("STAGE", "beta")], &expected);
    check_refused(&[], &[("STAGE", "")], &["STAGE: "]);
}

#[test]
fn a_stage_needs_its_file() {
    let folder = Folder::new("stage-lost").expect("it can be made");
    folder.write("test", "");
    let path = folder.0.join("production.toml");
    let expected = [&*path.to_string_lossy(), "--stages"].map(str::to_owned);
    let expected = expected.each_ref().map(String::as_str);
    check_refused(&[&folder.flag(), "--stage=production"], &[], &expected);
    // The tests run in the package's folder, whose `stages` is found without a flag.
    assert!(Path::new(OURS).is_dir());
    assert!(printed(&["--stage=test"], &[]).contains("# stages/test.toml:"));
}

#[test]
fn mistakes_are_told_with_their_place() {
    let folder = Folder::new("stage-mistakes").expect("it can be made");
    for text in [
        "\nworker = 1",
        "\nstage = \"test\"",
        "\nstages = \"a\"",
        "\nconfig = \"a\"",
    ] {
        let path = folder.write("test", text);
        let place = format!("error: {}:2: there is no setting", path.display());
        check_refused(&[&folder.flag(), "--stage=test"], &[], &[&place]);
    }
}

#[test]
fn the_files_that_come_with_the_program_make_sense() {
    for stage in STAGES {
        printed(&[&format!("--stages={OURS}"), "--stage", stage], &[]);
    }
    let server = Server::spawn(command(&["--stage=test"]).env("STAGES", OURS));
    assert!(server.start.contains(", stage test)"), "{}", server.start);
    assert!(server.get("/").ends_with("Docking API"));
    assert_eq!(server.stop().code, Some(0));
}
