//! The flags for the stage: which file of settings a machine's purpose chooses. Must not know what is
//! in it.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

/// The folder of the stages' files, unless it is told: in the working directory, or else beside the
/// program.
const FOLDER: &str = "stages";

/// What the server is there for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Stage")]
pub(crate) struct StageArgs {
    /// What the server is there for: production, staging, development or test. Its settings are
    /// those of the file STAGE.toml
    #[arg(long, env, value_name = "STAGE", hide_possible_values = true)]
    stage: Option<Stage>,

    /// Folder of those files [default: stages, here or beside the program]
    #[arg(long, env, value_name = "FOLDER")]
    stages: Option<PathBuf>,
}

/// What a server is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// Those it is made for.
    Production,
    /// The last look before that.
    Staging,
    /// Those who make it.
    Development,
    /// Tests.
    Test,
}

impl StageArgs {
    /// What the server is there for, if that was said.
    pub(crate) fn stage(&self) -> Option<Stage> {
        self.stage
    }

    /// The file of the stage, if there is a stage.
    ///
    /// # Errors
    /// When there is no such file.
    pub(crate) fn file(&self) -> Result<Option<PathBuf>, String> {
        let Some(stage) = self.stage else {
            return Ok(None);
        };
        let folders = match &self.stages {
            Some(folder) => vec![folder.clone()],
            None => default_folders(env::current_exe().ok().as_deref()),
        };
        find(stage, &folders).map(Some)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("none of them is hidden");
        formatter.write_str(value.get_name())
    }
}

fn default_folders(program: Option<&Path>) -> Vec<PathBuf> {
    let beside = program.and_then(Path::parent);
    let beside = beside.map(|folder| folder.join(FOLDER));
    [PathBuf::from(FOLDER)].into_iter().chain(beside).collect()
}

/// The first folder's file of this stage that is there.
fn find(stage: Stage, folders: &[PathBuf]) -> Result<PathBuf, String> {
    let files = folders
        .iter()
        .map(|folder| folder.join(format!("{stage}.toml")));
    let files: Vec<PathBuf> = files.collect();
    if let Some(file) = files.iter().find(|path| path.is_file()) {
        return Ok(file.clone());
    }
    let places: Vec<_> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let places = places.join(" nor ");
    Err(format!(
        "there is no file for the stage {stage}: no {places}; choose its folder with --stages"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_looked_for_here_and_beside_the_program() {
        assert_eq!(
            default_folders(Some(Path::new("/usr/bin/server"))),
            [PathBuf::from("stages"), PathBuf::from("/usr/bin/stages")]
        );
        assert_eq!(default_folders(None), [PathBuf::from("stages")]);
    }

    #[test]
    fn the_first_file_that_is_there_is_taken() {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("stages");
        for stage in Stage::value_variants() {
            let found = find(*stage, &["/nowhere".into(), ours.clone()]);
            assert_eq!(found, Ok(ours.join(format!("{stage}.toml"))));
        }
        let lost = find(Stage::Test, &["/nowhere".into(), "/elsewhere".into()]);
        let lost = lost.expect_err("they are not there");
        assert!(
            lost.contains("/nowhere/test.toml nor /elsewhere/test.toml"),
            "{lost}"
        );
    }
}
