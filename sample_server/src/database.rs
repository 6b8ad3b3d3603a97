//! The flags for the database, and where it is when nobody says so.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use container::Error;
use container::client::Trust;
use handlers::store::{Database, OpenOptions, Stores};

use crate::data_folder;
use crate::units::at_least_one;

/// The default file's name.
const FILE: &str = "data.db";

/// A folder that is made is its owner's alone, as the XDG base directory specification asks for.
const FOLDER_MODE: u32 = 0o700;

/// Where data is kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub(crate) struct DatabaseArgs {
    /// SQLite file, :memory:, or postgres://USER:PASSWORD@HOST/NAME [default: sample_server/data.db
    /// in $XDG_DATA_HOME or ~/.local/share]
    #[arg(long, env, value_name = "DATABASE")]
    database: Option<Database>,

    /// Connections that each worker has to PostgreSQL, at most
    #[arg(long, env, value_name = "N", default_value_t = Stores::CONNECTIONS,
          value_parser = at_least_one)]
    database_connections: usize,

    /// Certificates (PEM) that vouch for a PostgreSQL server with sslmode=require, in place of those
    /// of the web
    #[arg(long, env, value_name = "PATH")]
    database_ca: Option<PathBuf>,
}

impl DatabaseArgs {
    /// Whether they make sense together.
    ///
    /// # Errors
    /// Says what to do.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &self.database {
            _ if self.database_ca.is_none() => Ok(()),
            Some(Database::Postgres(address)) if address.wants_proof() => Ok(()),
            _ => Err("--database-ca: nobody is asked to prove who he is; write \
                 --database postgres://..?sslmode=require"
                .to_owned()),
        }
    }

    /// Opens it.
    pub(crate) fn open(&self) -> Result<Stores, Error> {
        let database = match &self.database {
            Some(database) => database.clone(),
            None => Database::File(default_place()?),
        };
        let options = OpenOptions {
            connections: self.database_connections,
            trust: self.trust()?,
        };
        Stores::open_with(&database, &options).map_err(|error| {
            let what = format!("cannot open the database {database}");
            refused(&what, &error)
        })
    }

    /// Who may vouch for the server.
    fn trust(&self) -> Result<Trust, Error> {
        let Some(path) = &self.database_ca else {
            return Ok(Trust::web());
        };
        let what = format!("--database-ca: {}", path.display());
        let pem = fs::read(path).map_err(|error| refused(&what, &error))?;
        let trust = Trust::nobody().with_pem(&pem);
        trust.map_err(|error| refused(&what, &error))
    }

    /// Where the server keeps its other files: beside its database, or where that would be by
    /// default. `None` when nothing is to be kept.
    pub(crate) fn folder(&self) -> Result<Option<PathBuf>, Error> {
        let file = match &self.database {
            Some(Database::Memory) => return Ok(None),
            Some(Database::File(path)) => path.clone(),
            _ => default_place()?,
        };
        Ok(file.parent().map(Path::to_owned))
    }
}

/// The file in the user's data directory, whose folder is made if it is not there.
fn default_place() -> Result<PathBuf, Error> {
    data_folder::place(FILE, "--database")
        .and_then(prepare)
        .map_err(|error| refused("no place for the database", &error))
}

/// Makes the folder of a file.
fn prepare(file: PathBuf) -> io::Result<PathBuf> {
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
    Ok(file)
}

fn refused(what: &str, why: &impl ToString) -> Error {
    Error::from(io::Error::other(format!("{what}: {}", why.to_string())))
}
