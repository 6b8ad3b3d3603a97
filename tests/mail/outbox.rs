//! The outbox: a file for each mail, which nobody else reads.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use handlers::mail::Secrets;
use tests::program::Folder;

use crate::office::{LONG, Office, queue, transport};

fn office(folder: &Path) -> Office {
    let destination = format!("outbox:{}", folder.display());
    Office::new(&queue(), transport(&destination, Secrets::default()))
}

/// All files, with their modes.
fn files(folder: &Path) -> Vec<(PathBuf, u32)> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("it is there").path());
    let with_mode = paths.map(|path| {
        let mode = mode(&path);
        (path, mode)
    });
    with_mode.collect()
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).expect("it is there");
    metadata.permissions().mode() & 0o777
}

#[test]
fn each_mail_is_a_file_that_nobody_else_reads() {
    let folder = Folder::new("outbox");
    let outbox = folder.path().join("a/b");
    let office = office(&outbox);
    assert!(!outbox.exists(), "it is made with the first mail");
    for to in ["ada@example.org", "bob@example.org"] {
        office.put_in(to);
    }
    assert_eq!((office.count(), mode(&outbox)), (0, 0o700));
    let files = files(&outbox);
    assert_eq!(files.len(), 2);
    for (path, mode) in files {
        assert_eq!((path.extension(), mode), (Some("eml".as_ref()), 0o600));
        let text = fs::read_to_string(path).expect("text");
        assert!(text.contains("\r\nTo: ") && text.contains("confirm/secret"));
    }
}

#[test]
fn a_sender_that_is_not_told_looks_from_time_to_time() {
    let folder = Folder::new("outbox");
    let office = office(folder.path());
    office.put_in_quietly("ada@example.org");
    assert_eq!((office.count(), files(folder.path()).len()), (1, 0));
    office.server.advance(Duration::from_secs(5));
    assert_eq!((office.count(), files(folder.path()).len()), (0, 1));
}

#[test]
fn mail_waits_until_the_folder_can_be_made() {
    let folder = Folder::new("outbox");
    let outbox = folder.path().join("mail");
    let office = office(&outbox);
    fs::write(&outbox, "in its place").expect("a file can be made");
    office.put_in("ada@example.org");
    assert_eq!(office.count(), 1);
    fs::remove_file(&outbox).expect("it is there");
    office.server.advance(LONG);
    assert_eq!((office.count(), files(&outbox).len()), (0, 1));
}

#[test]
fn what_is_no_address_is_given_up_and_holds_nobody_up() {
    let folder = Folder::new("outbox");
    let office = office(folder.path());
    office.put_in("ada@example.org%0D%0ABcc:%20eve@example.org");
    office.put_in("bob@example.org");
    assert_eq!((office.count(), files(folder.path()).len()), (0, 1));
}
