//! `Place`: the file that a database was opened in, and whether it still is the one at its path.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// A file, by its path and by what the system knows it by.
pub(super) struct Place {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl Place {
    /// The file that is at `path` now.
    pub(super) fn of(path: &Path) -> io::Result<Place> {
        let identity = identity(&fs::metadata(path)?);
        let path = path.to_owned();
        Ok(Place { path, identity })
    }

    /// Refuses when another file, or none, is there: what SQLite writes to one that was removed is
    /// gone with the process, though it says that it is kept.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match fs::metadata(&self.path) {
            Ok(metadata) if identity(&metadata) == self.identity => Ok(()),
            _ => {
                let path = self.path.display();
                let reason = format!("{path} was removed or replaced; restart the server");
                Err(StoreError::Unavailable(reason))
            }
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
