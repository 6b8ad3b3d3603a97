//! A real mail server: with TLS and without, with logins, absent, refusing, stalling.

use handlers::mail::Secrets;
use serde_json::Value;
use tests::Authority;
use tests::smtp::{Rules, SmtpServer};

use crate::office::{LONG, Office, impatient, plain, queue, transport};

const ADA: &str = "ada@example.org";

/// An office whose sender trusts one authority and logs in.
fn secure(scheme: &str, port: u16, trusted: &Authority, password: &str) -> Office {
    let destination = format!("{scheme}://user@example.org@localhost:{port}");
    let secrets = Secrets {
        password: Some(password.to_owned()),
        authorities: Some(trusted.pem().as_bytes().to_vec()),
    };
    Office::new(&queue(), transport(&destination, secrets))
}

/// The addresses that mail has reached.
fn reached(events: &[Value]) -> Vec<&str> {
    let mails = events.iter().filter(|event| event["event"] == "mail");
    mails
        .map(|mail| mail["to"][0].as_str().expect("an address"))
        .collect()
}

#[test]
fn mail_arrives_whole() {
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let office = Office::new(&queue(), plain(server.port));
    office.put_in(ADA);
    let mail = server.next("mail");
    assert_eq!(mail["sender"], "noreply@example.org");
    assert_eq!((&mail["to"][0], &mail["tls"]), (&ADA.into(), &false.into()));
    let data = mail["data"].as_str().expect("text");
    assert!(data.contains("\r\nSubject: Confirm your address for Example\r\n"));
    assert!(data.contains("https://example.org/confirm/secret"));
    assert_eq!(office.count(), 0);
    assert_eq!(server.rest(), Vec::<Value>::new());
}

/// A server with TLS and a login takes mail from who has the password.
#[track_caller]
fn check_secure(scheme: &str, security: &'static str) {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    let rules = Rules {
        tls: Some((security, &certificate)),
        login: Some(("user@example.org", "pass word")),
        ..Rules::default()
    };
    let Some(server) = SmtpServer::start(&rules) else {
        return;
    };
    let office = secure(scheme, server.port, &authority, "pass word");
    office.put_in(ADA);
    assert_eq!(server.next("login")["success"], true);
    let mail = server.next("mail");
    assert_eq!(mail["tls"], true);
    assert_eq!(
        (mail["user"].as_str(), office.count()),
        (Some("user@example.org"), 0)
    );
}

#[test]
fn starttls_with_a_login() {
    check_secure("smtp", "starttls");
}

#[test]
fn tls_from_the_first_byte_with_a_login() {
    check_secure("smtps", "tls");
}

#[test]
fn a_wrong_password_loses_no_mail() {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    let rules = Rules {
        tls: Some(("starttls", &certificate)),
        login: Some(("user@example.org", "right")),
        ..Rules::default()
    };
    let Some(server) = SmtpServer::start(&rules) else {
        return;
    };
    let office = secure("smtp", server.port, &authority, "wrong");
    office.put_in(ADA);
    assert_eq!(server.next("login")["success"], false);
    for _ in 0..10 {
        office.server.advance(LONG);
    }
    assert_eq!(office.count(), 1);
    assert!(reached(&server.rest()).is_empty());
}

/// A server that cannot be trusted gets neither the password nor the mail.
#[track_caller]
fn check_distrust(scheme: &str, security: Option<&'static str>, name: &str, is_known: bool) {
    let (authority, other) = (Authority::new(), Authority::new());
    let certificate = authority.certificate(name);
    let rules = Rules {
        tls: security.map(|security| (security, &certificate)),
        ..Rules::default()
    };
    let Some(server) = SmtpServer::start(&rules) else {
        return;
    };
    let trusted = if is_known { &authority } else { &other };
    let office = secure(scheme, server.port, trusted, "secret");
    office.put_in(ADA);
    office.server.advance(LONG);
    assert_eq!(office.count(), 1);
    assert_eq!(server.rest(), Vec::<Value>::new());
}

#[test]
fn a_server_without_starttls_gets_nothing() {
    check_distrust("smtp", None, "localhost", true);
}

#[test]
fn a_server_that_nobody_vouches_for_gets_nothing() {
    check_distrust("smtp", Some("starttls"), "localhost", false);
    check_distrust("smtps", Some("tls"), "localhost", false);
}

#[test]
fn a_server_of_another_name_gets_nothing() {
    check_distrust("smtp", Some("starttls"), "example.org", true);
    check_distrust("smtps", Some("tls"), "example.org", true);
}

#[test]
fn mail_waits_for_a_server_that_is_down() {
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let port = server.port;
    drop(server);
    let office = Office::new(&queue(), plain(port));
    office.put_in(ADA);
    office.put_in("bob@example.org");
    office.server.advance(LONG);
    assert_eq!(office.count(), 2);
    let again = Rules {
        port,
        ..Rules::default()
    };
    let server = SmtpServer::start(&again).expect("it was there");
    office.server.advance(LONG);
    let mut to = [server.next("mail"), server.next("mail")].map(|mail| mail["to"][0].to_string());
    to.sort();
    assert_eq!(to, ["\"ada@example.org\"", "\"bob@example.org\""]);
    assert_eq!((office.count(), server.rest().len()), (0, 0));
}

#[test]
fn not_now_is_asked_again_and_holds_nobody_up() {
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let office = Office::new(&queue(), plain(server.port));
    office.put_in("later@example.org");
    server.next("later");
    office.put_in(ADA);
    assert_eq!(server.next("mail")["to"][0], ADA);
    assert_eq!(office.count(), 1);
    office.server.advance(LONG);
    assert_eq!(server.next("mail")["to"][0], "later@example.org");
    assert_eq!(office.count(), 0);
}

#[test]
fn a_refusal_is_believed_at_the_fifth_time() {
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let office = Office::new(&queue(), plain(server.port));
    office.put_in("refused@example.org");
    server.next("refused");
    assert_eq!(office.count(), 1);
    office.server.advance(LONG);
    for _ in 1..5 {
        server.next("refused");
    }
    assert_eq!((office.count(), server.rest().len()), (0, 0));
}

#[test]
fn a_connection_that_ends_in_the_middle_is_no_success() {
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let office = Office::new(&queue(), plain(server.port));
    office.put_in("broken@example.org");
    let first = server.next("mail");
    assert_eq!(office.count(), 1);
    office.server.advance(LONG);
    let second = server.next("mail");
    assert_eq!(office.count(), 0);
    // Who got both can tell that they are one.
    let id = |mail: &Value| {
        let data = mail["data"].as_str().expect("text").to_owned();
        let line = data.lines().find(|line| line.starts_with("Message-ID:"));
        line.expect("it has one").to_owned()
    };
    assert_eq!(id(&first), id(&second));
}

#[test]
fn a_server_that_stalls_is_left() {
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let queue = queue();
    let office = Office::new(&queue, impatient(server.port));
    office.put_in("stalled@example.org");
    server.next("stalled");
    assert_eq!(office.count(), 1);
    drop(office);
    let office = Office::new(&queue, plain(server.port));
    office.put_in(ADA);
    assert_eq!(server.next("mail")["to"][0], ADA);
    assert_eq!((office.count(), server.rest().len()), (1, 0));
}

/// Has a sender find mail to these many in its queue; gives over which connection each has come.
fn connections(server: &SmtpServer, office: &Office, count: usize) -> Vec<u64> {
    for number in 1..count {
        office.put_in_quietly(&format!("a{number}@example.org"));
    }
    office.put_in(ADA);
    let mails = (0..count).map(|_| server.next("mail"));
    mails
        .map(|mail| mail["client"].as_u64().expect("a port"))
        .collect()
}

/// How many there are of each, one after another.
fn runs(connections: &[u64]) -> Vec<usize> {
    connections
        .chunk_by(|one, other| one == other)
        .map(<[u64]>::len)
        .collect()
}

#[test]
fn mail_goes_over_one_connection_as_long_as_there_is_more() {
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let office = Office::new(&queue(), plain(server.port));
    let mut clients = connections(&server, &office, 5);
    clients.extend(connections(&server, &office, 2));
    assert_eq!(runs(&clients), [5, 2]);
    assert_eq!((office.count(), server.rest().len()), (0, 0));
}

#[test]
fn a_connection_has_its_number_of_mails() {
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let office = Office::new(&queue(), plain(server.port));
    assert_eq!(runs(&connections(&server, &office, 205)), [100, 100, 5]);
}

#[test]
fn a_login_is_good_for_all_mails_of_a_connection() {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    let rules = Rules {
        tls: Some(("starttls", &certificate)),
        login: Some(("user@example.org", "pass word")),
        ..Rules::default()
    };
    let Some(server) = SmtpServer::start(&rules) else {
        return;
    };
    let office = secure("smtp", server.port, &authority, "pass word");
    office.put_in_quietly("bob@example.org");
    office.put_in(ADA);
    assert_eq!(server.next("login")["success"], true);
    let mails = [server.next("mail"), server.next("mail")];
    assert!(mails.iter().all(|mail| mail["tls"] == true));
    assert_eq!((office.count(), server.rest().len()), (0, 0));
}

#[test]
fn a_server_that_hangs_up_gets_the_next_mail_over_another_connection() {
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let office = Office::new(&queue(), plain(server.port));
    office.put_in_quietly("last@example.org");
    office.put_in_quietly("bob@example.org");
    office.put_in(ADA);
    let clients: Vec<_> = (0..3)
        .map(|_| server.next("mail")["client"].clone())
        .collect();
    assert_ne!(clients[0], clients[1]);
    assert_eq!(clients[1], clients[2]);
    assert_eq!((office.count(), server.rest().len()), (0, 0));
}
