//! `https` of the outgoing client, against servers of another making: whom it trusts, what it asks
//! for, and that nobody can cut an answer short unseen.

#[path = "client_tls/server.rs"]
mod server;

use std::time::Duration;

use container::client::{Client, ClientBuilder, ClientRequest, Error, Trust};
use container::message::Method;
use container::reactor::{Clock, Reactor};
use rustls::version::{TLS12, TLS13};
use server::{End, Server};
use tests::{Authority, Certificate};

/// A time that only has to pass.
const SHORT: Duration = Duration::from_millis(1);

/// More than the buffers of both systems, rustls's included.
const LARGE: usize = 4 << 20;

fn run<F: Future>(future: F) -> F::Output {
    let reactor = Reactor::new(Clock::real()).expect("the system gives a reactor");
    reactor.block_on(future).expect("the reactor turns")
}

fn trusting(authority: &Authority) -> ClientBuilder {
    let trust = Trust::nobody().with_pem(authority.pem().as_bytes());
    Client::builder().trust(trust.expect("a certificate"))
}

/// What one request comes to, the body as text.
async fn ask(client: &Client, url: &str) -> Result<String, Error> {
    let body = client.get(url).await?.into_body();
    let bytes = body.bytes(usize::MAX).await.expect("it was read whole");
    Ok(String::from_utf8(bytes.to_vec()).expect("text"))
}

/// Whether a client that trusts `authority` takes a server with this certificate, asked for by
/// `host`, for what it says.
#[track_caller]
fn check(what: &str, authority: &Authority, server: &Server, host: &str, is_believed: bool) {
    let client = trusting(authority);
    let answer = run(async { ask(&client.build(), &server.url(host)).await });
    match answer {
        Ok(text) => assert!(is_believed && text == "hello", "{what}: {text}"),
        Err(error) => {
            let is_told = error.is_connect() && std::error::Error::source(&error).is_some();
            assert!(!is_believed && is_told, "{what}: {error:?}");
        }
    }
    assert_eq!(
        server.requests() > 0,
        is_believed,
        "{what}: nothing is said to others"
    );
}

#[test]
fn only_who_proves_who_it_is_is_asked() {
    let ours = Authority::new();
    let theirs = Authority::new();
    let serve = |certificate| Server::start(certificate, End::Told);
    let valid = || ours.certificate("localhost");
    check("valid", &ours, &serve(valid()), "localhost", true);
    check("mixed case", &ours, &serve(valid()), "LocalHost", true);
    let address = ours.certificate("127.0.0.1");
    check("an address", &ours, &serve(address), "127.0.0.1", true);
    check(
        "a name's, for an address",
        &ours,
        &serve(valid()),
        "127.0.0.1",
        false,
    );
    let other = ours.certificate("other.example");
    check("another's name", &ours, &serve(other), "localhost", false);
    let wild = ours.certificate("*.localhost");
    check("names below", &ours, &serve(wild), "localhost", false);
    check(
        "expired",
        &ours,
        &serve(ours.expired("localhost")),
        "localhost",
        false,
    );
    check(
        "not yet valid",
        &ours,
        &serve(ours.early("localhost")),
        "localhost",
        false,
    );
    let alone = Certificate::self_signed("localhost");
    check("its own word", &ours, &serve(alone), "localhost", false);
    let unknown = theirs.certificate("localhost");
    check(
        "a stranger's word",
        &ours,
        &serve(unknown),
        "localhost",
        false,
    );
}

#[test]
fn the_web_does_not_trust_a_stranger() {
    let authority = Authority::new();
    let server = Server::start(authority.certificate("localhost"), End::Told);
    let error = run(async { ask(&Client::new(), &server.url("localhost")).await });
    assert!(error.is_err_and(|error| error.is_connect()));
}

#[test]
fn the_server_hears_whom_it_is_taken_for_and_what_is_spoken() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let certificate = authority.certificate("localhost");
        let server = Server::with_versions(certificate, End::Told, &[version]);
        run(async {
            let client = trusting(&authority).build();
            let answer = ask(&client, &server.url("LOCALHOST")).await;
            assert_eq!(answer.expect("an answer"), "hello", "{version:?}");
        });
        let heard = server.heard();
        assert_eq!(heard.name.as_deref(), Some("localhost"), "{version:?}");
        assert_eq!(
            heard.protocol.as_deref(),
            Some(&b"http/1.1"[..]),
            "{version:?}"
        );
    }
}

#[test]
fn a_server_of_another_protocol_is_refused() {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    let server = Server::speaking(certificate, "h2");
    let client = trusting(&authority);
    let error = run(async { ask(&client.build(), &server.url("localhost")).await });
    assert!(error.is_err_and(|error| error.is_connect()));
}

#[test]
fn connections_are_used_again() {
    let authority = Authority::new();
    let server = Server::start(authority.certificate("localhost"), End::Told);
    run(async {
        let client = trusting(&authority).build();
        for _ in 0..3 {
            let answer = ask(&client, &server.url("localhost")).await;
            assert_eq!(answer.expect("an answer"), "hello");
        }
    });
    assert_eq!((server.connections(), server.requests()), (1, 3));
}

#[test]
fn large_bodies_go_both_ways() {
    let authority = Authority::new();
    let server = Server::start(authority.certificate("localhost"), End::Told);
    let body: Vec<u8> = (0..LARGE).map(|at| b"0123456789"[at % 10]).collect();
    let post = ClientRequest::new(
        Method::POST,
        server.url("localhost").parse().expect("a URL"),
    );
    let post = post.with_body("text/plain", body.clone());
    let echoed = run(async {
        let client = trusting(&authority).response_body(LARGE).build();
        let response = client.request(post).await.expect("an answer");
        response.into_body().bytes(LARGE).await.expect("all of it")
    });
    assert!(echoed == body, "{} bytes", echoed.len());
}

/// Bodies that last until the connection ends, and how it ends.
#[test]
fn an_answer_cannot_be_cut_short_unseen() {
    let authority = Authority::new();
    let ask_once = |end| {
        let server = Server::start(authority.certificate("localhost"), end);
        let client = trusting(&authority);
        run(async { ask(&client.build(), &server.url("localhost")).await })
    };
    assert_eq!(ask_once(End::BodyThenTold).expect("it is whole"), "hello");
    let cut = ask_once(End::BodyThenCut).expect_err("anybody could have ended it");
    assert!(!cut.is_connect() && !cut.is_timeout(), "{cut:?}");
}

#[test]
fn the_handshake_has_the_time_of_connecting() {
    let silent = Server::silent();
    let client = Client::builder().connect_timeout(SHORT);
    let error = run(async { ask(&client.build(), &silent.url("localhost")).await });
    let error = error.expect_err("nobody answers");
    assert!(error.is_connect() && error.is_timeout(), "{error:?}");
}

#[test]
fn who_does_not_speak_tls_is_refused() {
    let plain = Server::plain();
    let error = run(async { ask(&Client::new(), &plain.url("localhost")).await });
    assert!(error.is_err_and(|error| error.is_connect()));
}

#[test]
fn nothing_goes_on_in_the_clear() {
    let authority = Authority::new();
    let server = Server::start(authority.certificate("localhost"), End::Redirect);
    let client = trusting(&authority);
    let error = run(async { ask(&client.build(), &server.url("localhost")).await });
    assert!(error.is_err_and(|error| error.is_redirect()));
}
