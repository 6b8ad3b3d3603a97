//! What the compiler says to those who write handlers: each file in `compile_fail/` does not
//! compile, and the message has every line that the file gives after `//~`.
//!
//! Whole messages are not compared, because each compiler words and wraps them in its own way. A
//! file without such a line is the control, and compiles.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// One file of `compile_fail/`.
struct Case {
    /// The file's name without its ending.
    name: String,
    /// Where it is.
    path: PathBuf,
    /// What the compiler has to say about it.
    phrases: Vec<String>,
}

#[test]
fn the_compiler_names_what_is_wrong() {
    let cases = cases();
    assert!(cases.len() > 1, "there are cases");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    write_crate(&folder, &cases);
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| judge(case, &folder).err())
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compile_fail");
    let files = fs::read_dir(folder).expect("the folder of cases is there");
    let mut cases: Vec<Case> = files
        .map(|file| case(file.expect("the folder can be listed").path()))
        .collect();
    // The control goes first: it builds what the others need, and without it they prove nothing.
    cases.sort_by_key(|case| (!case.phrases.is_empty(), case.name.clone()));
    cases
}

fn case(path: PathBuf) -> Case {
    let text = fs::read_to_string(&path).expect("a case is a text file");
    let phrases = text.lines().filter_map(|line| line.strip_prefix("//~ "));
    Case {
        name: path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        phrases: phrases.map(str::to_owned).collect(),
        path,
    }
}

/// Writes a crate that has each case as a program, with the workspace's versions of everything.
fn write_crate(folder: &Path, cases: &[Case]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let container = root.join("container");
    let mut manifest = format!(
        "[workspace]\n[package]\nname = \"compile_fail\"\nedition = \"2024\"\nautobins = false\n\
         [dependencies]\ncontainer = {{ path = {container:?} }}\n"
    );
    for Case { name, path, .. } in cases {
        manifest += &format!("[[bin]]\nname = {name:?}\npath = {path:?}\n");
    }
    fs::create_dir_all(folder).expect("the build folder can be written");
    fs::write(folder.join("Cargo.toml"), manifest).expect("the manifest can be written");
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("there is a lock file");
}

/// Compiles the case and looks for its phrases.
fn judge(case: &Case, folder: &Path) -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "check",
            "--quiet",
            "--offline",
            "--color",
            "never",
            "--bin",
            &case.name,
        ])
        .arg("--target-dir")
        .arg(folder.join("target"))
        .current_dir(folder)
        .output()
        .map_err(|error| format!("{}: cargo does not run: {error}", case.name))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let missing = case
        .phrases
        .iter()
        .find(|phrase| !said.contains(phrase.as_str()));
    match (output.status.success(), missing) {
        (compiles, None) if compiles == case.phrases.is_empty() => Ok(()),
        (_, Some(phrase)) => Err(format!("{}: no {phrase:?} in:\n{said}", case.name)),
        (true, None) => Err(format!("{}: it compiles", case.name)),
        (false, None) => Err(format!("{}: it does not compile:\n{said}", case.name)),
    }
}
