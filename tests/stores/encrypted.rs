//! TLS with the server: what each `sslmode` gives with a server that proves who it is, with one that
//! does not, and with one that has no TLS; and what is said then.

use container::client::Trust;
use handlers::store::{OpenError, OpenOptions, Stores};
use log::LevelFilter;
use tests::loopback::until;
use tests::on_worker;
use tests::postgres::Postgres;
use tests::records::Records;
use tests::{Authority, Certificate};

use crate::named;

/// Every line that a store of this process wrote about a connection at its start.
static LOG: Records = Records::of("handlers::store::postgres");

/// What comes of opening a database.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// Its connections are encrypted, or not, and the log says so in these words.
    Open { encrypted: bool, said: &'static str },
    /// It is refused in these words.
    Refused(&'static str),
}

use Outcome::{Open, Refused};

fn trusting(authority: &Authority) -> Trust {
    let trust = Trust::nobody().with_pem(authority.pem().as_bytes());
    trust.expect("a certificate")
}

/// What believes a certificate for its own sake.
fn vouching(certificate: &Certificate) -> Trust {
    let trust = Trust::nobody().with_pem(certificate.pem().0.as_bytes());
    trust.expect("a certificate")
}

/// Opens the database of this name in the server, with these parameters behind its `url`.
#[track_caller]
fn check(server: &Postgres, name: &str, url: &str, trust: &Trust, expected: Outcome) {
    LOG.listen(LevelFilter::Info);
    server.create(name);
    let options = OpenOptions {
        trust: trust.clone(),
        ..OpenOptions::default()
    };
    let opened = Stores::open_with(&named(url), &options);
    match (opened, expected) {
        (Ok(stores), Open { encrypted, said }) => on_worker(async {
            let brands = stores.catalogue.brands().await;
            assert_eq!(brands.map(|brands| brands.len()), Ok(100), "{url}");
            // While the connection is there.
            let tls = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)";
            let ours = format!("{tls} WHERE datname = '{name}'");
            let is_encrypted = server.sql("postgres", &ours);
            assert_eq!(is_encrypted, if encrypted { "t" } else { "f" }, "{url}");
            assert!(LOG.has(&[&format!("/{name}"), said]), "{url}: {said}");
        }),
        (Err(OpenError::Unusable(reason)), Refused(words)) => {
            assert!(reason.contains(words), "{url}: {reason}");
        }
        (opened, _) => panic!("{url}: {expected:?}, {opened:?}"),
    }
}

/// More than the buffers of both systems, and of both ends' TLS.
const LARGE: usize = 8 << 20;

/// A server that is `127.0.0.1`, as this authority says.
fn certified(name: &str, authority: &Authority) -> Option<Postgres> {
    Postgres::start_with_tls(name, &authority.certificate("127.0.0.1"))
}

const PROVEN: Outcome = Open {
    encrypted: true,
    said: "the server has proven who it is",
};

#[test]
fn each_mode_with_a_server_that_has_tls() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let Some(server) = certified("encrypted", &ours) else {
        return;
    };
    let (ours, theirs) = (trusting(&ours), trusting(&theirs));
    let unproven = Open {
        encrypted: true,
        said: "not asked to prove who it is (sslmode=require does)",
    };
    let unwanted = Open {
        encrypted: false,
        said: "not encrypted (sslmode=disable)",
    };
    let stranger = Refused("name the authority that signed it by --database-ca");
    for (number, (parameters, trust, expected)) in [
        ("", &theirs, unproven),
        ("?sslmode=prefer", &theirs, unproven),
        ("?sslmode=disable", &ours, unwanted),
        ("?sslmode=require", &ours, PROVEN),
        ("?sslmode=verify-full", &ours, PROVEN),
        ("?sslmode=require", &theirs, stranger),
        ("?sslmode=require", &Trust::web(), stranger),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("tls_{number}");
        let url = server.url(&name) + parameters;
        check(&server, &name, &url, trust, expected);
    }
}

/// Asks a server with this certificate to prove that it is `127.0.0.1`.
#[track_caller]
fn check_proof(what: &str, certificate: &Certificate, trust: &Trust, expected: Outcome) {
    let Some(server) = Postgres::start_with_tls(&format!("encrypted-{what}"), certificate) else {
        return;
    };
    let url = server.url(what) + "?sslmode=require";
    check(&server, what, &url, trust, expected);
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_with_what_to_do() {
    let ours = Authority::new();
    let trust = trusting(&ours);
    let named = ours.certificate("localhost");
    let refused = Refused("use the name or address that it is for");
    check_proof("named", &named, &trust, refused);
    let expired = ours.expired("127.0.0.1");
    let refused = Refused("give the server another");
    check_proof("expired", &expired, &trust, refused);
    let authority = Certificate::of_authority("127.0.0.1");
    let refused = Refused("it is an authority's own; give the server one with");
    check_proof("authority", &authority, &vouching(&authority), refused);
}

#[test]
fn who_vouches_for_himself_is_believed_by_name_alone() {
    let own = Certificate::self_signed("127.0.0.1");
    check_proof("own", &own, &vouching(&own), PROVEN);
}

#[test]
fn a_unix_socket_needs_no_tls() {
    let ours = Authority::new();
    let Some(server) = certified("encrypted-unix", &ours) else {
        return;
    };
    let url = server.unix_url("local") + "&sslmode=require";
    let local = Open {
        encrypted: false,
        said: "over a Unix socket",
    };
    check(&server, "local", &url, &trusting(&ours), local);
}

#[test]
fn each_mode_with_a_server_that_has_none() {
    let Some(server) = Postgres::start("encrypted-not") else {
        return;
    };
    let clear = Open {
        encrypted: false,
        said: "the server offers no TLS (sslmode=require would insist)",
    };
    let refused = Refused("it offers no TLS, which sslmode=require insists on: set ssl = on");
    for (name, parameters, expected) in [
        ("absent", "", clear),
        ("prefer", "?sslmode=prefer", clear),
        ("require", "?sslmode=require", refused),
    ] {
        let url = server.url(name) + parameters;
        check(&server, name, &url, &Trust::web(), expected);
    }
}

/// All versions that it speaks are too old.
#[test]
fn each_mode_with_a_server_whose_tls_fails() {
    let Some(server) = certified("encrypted-old", &Authority::new()) else {
        return;
    };
    server.sql(
        "postgres",
        "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1'",
    );
    let version = "ssl_max_protocol_version";
    server.sql("postgres", &format!("ALTER SYSTEM SET {version} = 'TLSv1'"));
    server.sql("postgres", "SELECT pg_reload_conf()");
    until("it speaks old versions alone", || {
        server.sql("postgres", &format!("SHOW {version}")) == "TLSv1"
    });
    let clear = Open {
        encrypted: false,
        said: "WARN connected to ",
    };
    let refused = Refused("TLS failed: ");
    for (name, parameters, expected) in [
        ("prefer", "?sslmode=prefer", clear),
        ("require", "?sslmode=require", refused),
    ] {
        let url = server.url(name) + parameters;
        check(&server, name, &url, &Trust::web(), expected);
    }
}

#[test]
fn large_values_go_both_ways() {
    let ours = Authority::new();
    let Some(server) = certified("encrypted-large", &ours) else {
        return;
    };
    let options = OpenOptions {
        trust: trusting(&ours),
        ..OpenOptions::default()
    };
    let database = named(&(server.create("large") + "?sslmode=require"));
    let stores = Stores::open_with(&database, &options).expect("it opens");
    let value: String = (0..LARGE)
        .map(|at| char::from(b'a' + (at % 23) as u8))
        .collect();
    let found = on_worker(async {
        let entry = ("key".to_owned(), value.clone());
        let added = stores.key_values.add(vec![entry]).await;
        assert_eq!(added, Ok(()));
        stores.key_values.value("key".to_owned()).await
    });
    assert!(found == Ok(Some(value)), "it is another");
}
