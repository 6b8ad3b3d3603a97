//! The flag for the database, and where it is when nobody says so.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::{env, io};

use clap::Args;
use container::Error;
use handlers::store::{Database, Stores};

/// The default file's name.
const FILE: &str = "data.db";

/// The default file's folder, within the user's data directory.
const FOLDER: &str = env!("CARGO_PKG_NAME");

/// A folder that is made is its owner's alone, as the XDG base directory specification asks for.
const FOLDER_MODE: u32 = 0o700;

/// Where data is kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub(crate) struct DatabaseArgs {
    /// SQLite file, or :memory: [default: sample_server/data.db in $XDG_DATA_HOME or
    /// ~/.local/share]
    #[arg(long, env, value_name = "DATABASE")]
    database: Option<Database>,
}

impl DatabaseArgs {
    /// Opens it.
    pub(crate) fn open(&self) -> Result<Stores, Error> {
        let database = match &self.database {
            Some(database) => database.clone(),
            None => default_file(env::var_os("XDG_DATA_HOME"), env::var_os("HOME"))
                .and_then(prepare)
                .map_err(|error| refused("no place for the database", &error))?,
        };
        Stores::open(&database).map_err(|error| {
            let what = format!("cannot open the database {database}");
            refused(&what, &error)
        })
    }
}

/// The file in the user's data directory. Paths that are not absolute are passed over, as the
/// specification asks for.
fn default_file(data: Option<OsString>, home: Option<OsString>) -> io::Result<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let data = data.and_then(absolute);
    let home = || Some(home.and_then(absolute)?.join(".local/share"));
    let Some(data) = data.or_else(home) else {
        let reason = "neither XDG_DATA_HOME nor HOME is set; choose a file with --database";
        return Err(io::Error::other(reason));
    };
    Ok(data.join(FOLDER).join(FILE))
}

/// Makes the folder of a file.
fn prepare(file: PathBuf) -> io::Result<Database> {
    if let Some(folder) = file.parent() {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder);
        made.map_err(|error| {
            let text = format!(
                "{}: {error}; choose a file with --database",
                folder.display()
            );
            io::Error::new(error.kind(), text)
        })?;
    }
    Ok(Database::File(file))
}

fn refused(what: &str, why: &impl ToString) -> Error {
    Error::from(io::Error::other(format!("{what}: {}", why.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_in_the_users_data_directory() {
        let check = |data: Option<&str>, home: Option<&str>, expected: Option<&str>| {
            let file = default_file(data.map(OsString::from), home.map(OsString::from));
            assert_eq!(file.ok(), expected.map(PathBuf::from), "{data:?} {home:?}");
        };
        let in_home = Some("/home/a/.local/share/sample_server/data.db");
        check(None, Some("/home/a"), in_home);
        check(Some(""), Some("/home/a"), in_home);
        check(Some("relative"), Some("/home/a"), in_home);
        let in_data = Some("/data/sample_server/data.db");
        check(Some("/data"), Some("/home/a"), in_data);
        check(Some("/data"), None, in_data);
        check(None, None, None);
        check(None, Some(""), None);
    }
}
