//! The user's data directory, where things are when nobody says another place.

use std::ffi::OsString;
use std::path::PathBuf;
use std::{env, io};

/// This program's folder within it.
const FOLDER: &str = env!("CARGO_PKG_NAME");

/// The place of `name` in it; `flag` chooses another one.
///
/// # Errors
/// When nobody says where the directory is.
pub(crate) fn place(name: &str, flag: &str) -> io::Result<PathBuf> {
    let folder = folder(env::var_os("XDG_DATA_HOME"), env::var_os("HOME"));
    let folder = folder.ok_or_else(|| {
        let reason = format!("neither XDG_DATA_HOME nor HOME is set; choose one with {flag}");
        io::Error::other(reason)
    })?;
    Ok(folder.join(name))
}

/// This program's folder. Paths that are not absolute are passed over, as the XDG base directory
/// specification asks for.
fn folder(data: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let data = data.and_then(absolute);
    let home = || Some(home.and_then(absolute)?.join(".local/share"));
    Some(data.or_else(home)?.join(FOLDER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_in_the_users_data_directory() {
        let check = |data: Option<&str>, home: Option<&str>, expected: Option<&str>| {
            let folder = folder(data.map(OsString::from), home.map(OsString::from));
            assert_eq!(folder, expected.map(PathBuf::from), "{data:?} {home:?}");
        };
        let in_home = Some("/home/a/.local/share/sample_server");
        check(None, Some("/home/a"), in_home);
        check(Some(""), Some("/home/a"), in_home);
        check(Some("relative"), Some("/home/a"), in_home);
        let in_data = Some("/data/sample_server");
        check(Some("/data"), Some("/home/a"), in_data);
        check(Some("/data"), None, in_data);
        check(None, None, None);
        check(None, Some(""), None);
    }
}
