//! `SigningKey`: what logins are signed with, and the file that it is kept in. Must not show it.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::random;

/// 256 bits: as many as HS256 can use (RFC 7518, section 3.2), and what an Ed25519 key is made from.
const BYTES: usize = 32;

/// Who may read a key's file: its owner alone.
const MODE: u32 = 0o600;

/// The rights of others, which a key's file gives to nobody.
const OTHERS: u32 = 0o077;

/// What a key looks like, for whoever has written it otherwise.
const WRITTEN: &str =
    "a key is written in 64 hexadecimal digits, such as `openssl rand -hex 32` makes";

/// Bytes of a key's file that are read: more than it has.
const FILE_MAX: u64 = 1024;

/// How logins are signed. Whoever verifies takes no other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256: who can verify can also sign.
    #[default]
    Hs256,
    /// Ed25519: others can be given the public key, to verify with.
    EdDsa,
}

/// What logins are signed with, whatever the algorithm: 256 secret bits, written in 64 hexadecimal
/// digits.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey([u8; BYTES]);

/// Why there is no key.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not written in 64 hexadecimal digits.
    Malformed,
    /// What its file has is not.
    MalformedFile(PathBuf),
    /// Its file can be read by others than its owner.
    Open(PathBuf),
    /// Its file cannot be read or made.
    File(PathBuf, io::Error),
}

impl SigningKey {
    /// A new one.
    ///
    /// # Panics
    /// When the system has no random numbers.
    pub fn random() -> SigningKey {
        SigningKey(random::bytes())
    }

    /// The key in this file, which is made when it is not there: whole or not at all, and for its
    /// owner alone. When two processes make it at once, both have the key of the first.
    ///
    /// # Errors
    /// When the file cannot be read or made, is no key, or can be read by others.
    pub fn load_or_create(path: &Path) -> Result<SigningKey, KeyError> {
        match SigningKey::load(path) {
            Err(KeyError::File(_, error)) if error.kind() == io::ErrorKind::NotFound => {}
            loaded => return loaded,
        }
        let failed = |error| KeyError::File(path.to_owned(), error);
        match SigningKey::random().create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
            _ => SigningKey::load(path),
        }
    }

    /// The key in this file.
    ///
    /// # Errors
    /// When the file cannot be read, is no key, or can be read by others.
    pub fn load(path: &Path) -> Result<SigningKey, KeyError> {
        let failed = |error| KeyError::File(path.to_owned(), error);
        // To open a pipe is to wait for whoever writes to it.
        if !fs::metadata(path).map_err(failed)?.is_file() {
            return Err(failed(io::Error::other("it is not a file")));
        }
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.mode() & OTHERS != 0 {
            return Err(KeyError::Open(path.to_owned()));
        }
        let mut text = String::new();
        let read = file.take(FILE_MAX).read_to_string(&mut text);
        read.map_err(failed)?;
        let key = text.trim_end().parse();
        key.map_err(|_| KeyError::MalformedFile(path.to_owned()))
    }

    /// Makes the file, by another name first: what is at `path` is whole at any time.
    fn create(&self, path: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unique = random::to_hex(&random::bytes::<8>());
        let draft = path.with_file_name(format!(".{name}.{unique}"));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(MODE);
        let mut file = options.open(&draft)?;
        let made = writeln!(file, "{}", random::to_hex(&self.0))
            .and_then(|()| file.sync_all())
            // Unlike a renaming, a link never takes the place of a file that is there.
            .and_then(|()| fs::hard_link(&draft, path));
        // What is left over is harmless, and nobody's fault.
        let _ = fs::remove_file(&draft);
        made
    }

    /// The bytes, for signing.
    pub(super) fn bytes(&self) -> &[u8; BYTES] {
        &self.0
    }
}

/// From 64 hexadecimal digits.
impl FromStr for SigningKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = random::from_hex(text);
        bytes.map(SigningKey).ok_or(KeyError::Malformed)
    }
}

/// Says that there is one, not which.
impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Malformed => formatter.write_str(WRITTEN),
            KeyError::MalformedFile(path) => write!(formatter, "{}: {WRITTEN}", path.display()),
            KeyError::Open(path) => {
                let path = path.display();
                write!(formatter, "{path}: others can read this key; chmod 600 it")
            }
            KeyError::File(path, error) => write!(formatter, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::{env, thread};

    use super::*;

    /// A folder that goes when the test ends.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Folder {
            let name = format!("keys-{}", random::to_hex(&random::bytes::<8>()));
            let path = env::temp_dir().join(name);
            fs::create_dir(&path).expect("there is room");
            Folder(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("it is there");
            let name = |entry: io::Result<fs::DirEntry>| entry.expect("a file").file_name();
            entries
                .map(|entry| name(entry).to_string_lossy().into_owned())
                .collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner() {
        let folder = Folder::new();
        let path = folder.0.join("jwt.key");
        let first = SigningKey::load_or_create(&path).expect("it is made");
        let mode = fs::metadata(&path).expect("it is there").mode();
        assert_eq!(mode & 0o777, MODE);
        assert_eq!(SigningKey::load_or_create(&path).ok(), Some(first));
        assert_eq!(folder.names(), ["jwt.key"], "nothing else is left");
    }

    #[test]
    fn all_who_make_it_at_once_have_the_same() {
        let folder = Folder::new();
        let path = folder.0.join("jwt.key");
        let made: Vec<SigningKey> = thread::scope(|scope| {
            let make = || SigningKey::load_or_create(&path).expect("it is made");
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().expect("no panic");
            threads.into_iter().map(join).collect()
        });
        assert!(made.iter().all(|key| *key == made[0]));
        assert_eq!(folder.names(), ["jwt.key"]);
    }

    #[test]
    fn what_is_no_secret_key_is_refused() {
        let folder = Folder::new();
        let path = folder.0.join("jwt.key");
        let check = |text: &str, mode: u32, expected: &str| {
            fs::write(&path, text).expect("there is room");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
            let loaded = SigningKey::load_or_create(&path);
            let told = loaded.map_or_else(|error| error.to_string(), |_| "a key".to_owned());
            assert!(told.contains(expected), "{told}");
        };
        let key = random::to_hex(&[7; BYTES]);
        check(&key, 0o600, "a key");
        check(&format!("{key}\n"), 0o400, "a key");
        check(&key, 0o640, "chmod 600");
        check(&key, 0o604, "chmod 600");
        check(&key[1..], 0o600, "64 hexadecimal digits");
        check("", 0o600, "64 hexadecimal digits");
        let nowhere = SigningKey::load_or_create(&folder.0.join("no/jwt.key"));
        assert!(matches!(nowhere, Err(KeyError::File(..))));
    }

    #[test]
    fn a_key_is_not_shown() {
        let key: SigningKey = random::to_hex(&[7; BYTES]).parse().expect("it is one");
        assert_eq!(format!("{key:?}"), "SigningKey { .. }");
    }
}
