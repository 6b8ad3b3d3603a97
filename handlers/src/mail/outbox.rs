//! `Outbox`: a folder that mail goes to, one file each, for tests and for programs that fetch it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use super::message::Parcel;

/// Mail brings secrets: nobody but this user looks into the folder.
const FOLDER_MODE: u32 = 0o700;

/// Nor into a file.
const FILE_MODE: u32 = 0o600;

/// A folder of mail, `NAME.eml` each. A file is there whole or not at all, and a mail that is sent
/// twice is there once.
pub(super) struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// An outbox in this folder, which need not be there.
    pub(super) fn new(folder: PathBuf) -> Outbox {
        Outbox { folder }
    }

    /// Makes the folder unless it is there.
    ///
    /// # Errors
    /// When the system refuses; names the folder.
    pub(super) fn prepare(&self) -> Result<(), String> {
        let mut builder = DirBuilder::new();
        let made = builder
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(&self.folder);
        made.map_err(|error| self.refused(&error))
    }

    /// Writes a mail; it is on the disk afterwards.
    ///
    /// # Errors
    /// When the system refuses; names the folder.
    pub(super) fn deliver(&self, parcel: &Parcel) -> Result<(), String> {
        self.prepare()?;
        self.write(parcel).map_err(|error| self.refused(&error))
    }

    fn write(&self, parcel: &Parcel) -> io::Result<()> {
        // Whoever reads the folder takes `*.eml`. What a crash left of the other is written over.
        let begun = self.folder.join(format!(".{}.tmp", parcel.name));
        let whole = self.folder.join(format!("{}.eml", parcel.name));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let mut file = options.mode(FILE_MODE).open(&begun)?;
        file.write_all(&parcel.bytes)?;
        file.sync_all()?;
        fs::rename(&begun, &whole)?;
        // The name is the folder's: without this a power cut takes it back.
        File::open(&self.folder)?.sync_all()
    }

    fn refused(&self, error: &io::Error) -> String {
        format!("the outbox {}: {error}", self.folder.display())
    }
}
