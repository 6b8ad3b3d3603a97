//! Which file a successor is started from: the one that this process was started from, by the name it
//! was started with, so that a link that has been turned to another release since is followed anew.

use std::ffi::OsStr;
use std::path::{self, Path, PathBuf};
use std::{env, fs, io};

/// The absolute path of this program, as its first argument names it: a path, or a name in `PATH`.
/// Where that is another file, as whoever starts a process may call it anything, the path is the
/// system's, with all links resolved. To be asked at the start: by and by the working directory and
/// the links may be others.
///
/// # Errors
/// When the system does not know either.
pub(super) fn own() -> io::Result<PathBuf> {
    let running = env::current_exe()?;
    let name = env::args_os().next().unwrap_or_default();
    let folders = env::var_os("PATH").unwrap_or_default();
    Ok(named(&name, &folders, &running).unwrap_or(running))
}

/// What the name stands for, where that is the program that runs.
fn named(name: &OsStr, folders: &OsStr, running: &Path) -> Option<PathBuf> {
    let running = fs::canonicalize(running).ok()?;
    let is_running = |file: &PathBuf| fs::canonicalize(file).is_ok_and(|file| file == running);
    // A path is looked for in the working directory alone, as the system does.
    let is_path = name.as_encoded_bytes().contains(&b'/');
    let folders = if is_path { OsStr::new("") } else { folders };
    let files = env::split_paths(folders).map(|folder| path::absolute(folder.join(name)));
    files.filter_map(Result::ok).find(is_running)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_stays_one_and_another_program_is_not_taken() {
        let folder = env::temp_dir().join(format!("sample-server-{}-links", std::process::id()));
        fs::create_dir(&folder).expect("there is room");
        let file = |name: &str| folder.join(name);
        fs::write(file("release"), "").expect("there is room");
        fs::write(file("other"), "").expect("there is room");
        symlink("release", file("current")).expect("it is ours");
        let folders = env::join_paths([Path::new("/nonexistent"), &folder]).expect("no colon");
        let check = |name: &OsStr, found: Option<&str>| {
            assert_eq!(
                named(name, &folders, &file("release")),
                found.map(file),
                "{name:?}"
            );
        };
        check(file("current").as_os_str(), Some("current"));
        check("current".as_ref(), Some("current"));
        check("release".as_ref(), Some("release"));
        check("other".as_ref(), None);
        check(file("other").as_os_str(), None);
        check("./current".as_ref(), None);
        check("".as_ref(), None);
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
