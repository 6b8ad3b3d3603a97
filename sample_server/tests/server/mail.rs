//! Mail from a request to the link in it, through the default outbox.

use std::fs;

use crate::process::{Server, command, read_to_end, temporary};

/// The text of the only mail in a folder, without its transfer encoding.
fn only_mail(outbox: &std::path::Path) -> String {
    let mut files = fs::read_dir(outbox).expect("the outbox is there");
    let file = files
        .next()
        .expect("a mail is there")
        .expect("it can be read");
    assert!(files.next().is_none());
    let text = fs::read_to_string(file.path()).expect("it is text");
    text.replace("=\r\n", "").replace("=3D", "=")
}

#[test]
fn a_link_that_was_mailed_opens_the_account_once() {
    let data = temporary("mailed");
    let mut command = command(&["--port=0"]);
    let mut server = Server::spawn(command.env("XDG_DATA_HOME", &data));
    let body = r#"{"name":"Ada","email":"ada@example.org","password":"Lovelace"}"#;
    let length = body.len();
    let answer = read_to_end(server.send(&format!(
        "POST /api/register HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )));
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    server.wait_for("mail 1 was sent");
    let mail = only_mail(&data.join("sample_server/outbox"));
    let path = mail.split_once("/api/register/confirm/").expect("a link").1;
    let (token, _) = path.split_once("\r\n").expect("a line");
    let path = format!("/api/register/confirm/{token}");
    for status in ["HTTP/1.1 200 ", "HTTP/1.1 400 "] {
        let answer = server.get(&path);
        assert!(answer.starts_with(status), "{answer}");
    }
    let end = server.stop();
    assert_eq!(end.code, Some(0), "{}", end.log);
    fs::remove_dir_all(data).expect("it is there");
}
