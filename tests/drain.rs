//! Stopping loses nothing that was accepted.

use std::time::Duration;

use container::scheduler::Phase;
use container::testing::Server;
use container::{Body, Router, draining, inline, is_ready};
use tests::{GET, application, get, read_answers, server};

const SLOW: &str = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn idle_connections_close_and_busy_ones_finish() {
    let server = server();
    let mut idle = server.connect();
    idle.send(GET);
    assert!(idle.received().ends_with("root"));
    let mut busy = server.connect();
    busy.send(SLOW);
    server.advance(Duration::from_millis(199));
    server.drain();
    assert!(!idle.is_closed(), "its next request may be on its way");
    server.advance(Duration::from_millis(1));
    assert!(idle.is_closed() && !busy.is_closed());
    server.advance(Duration::from_millis(800));
    let answers = read_answers(&busy.received(), &[]);
    assert!(answers[0].body == "slow" && answers[0].closes());
    assert!(busy.is_closed());
    assert_eq!((server.tasks(), server.stats().cut), (0, 0));
}

#[test]
fn pipelined_requests_that_are_here_are_answered_up_to_the_first() {
    let server = server();
    let mut client = server.connect();
    client.send(format!("{SLOW}{GET}"));
    server.drain();
    server.advance(Duration::from_secs(1));
    let answers = read_answers(&client.received(), &[]);
    assert_eq!(answers.len(), 1);
    assert!(
        answers[0].closes(),
        "the client knows that the second was not dealt with"
    );
}

#[test]
fn a_fresh_connection_may_send_its_first_request() {
    let server = server();
    let mut fresh = server.connect();
    let mut silent = server.connect();
    server.drain();
    assert!(!fresh.is_closed());
    fresh.send(GET);
    let answers = read_answers(&fresh.received(), &[]);
    assert!(answers[0].body == "root" && answers[0].closes() && fresh.is_closed());
    server.advance(Duration::from_secs(1));
    assert!(silent.is_closed());
    assert_eq!(silent.received(), "");
}

#[test]
fn a_used_connection_may_send_what_is_on_its_way() {
    let server = server();
    let mut idle = server.connect();
    idle.send(GET);
    let mut recent = server.connect();
    recent.send(GET);
    assert!(idle.received().ends_with("root") && recent.received().ends_with("root"));
    server.advance(Duration::from_secs(1));
    recent.send(GET);
    assert!(recent.received().ends_with("root"));
    server.drain();
    assert!(idle.is_closed() && !recent.is_closed());
    server.advance(Duration::from_millis(199));
    recent.send(GET);
    let answers = read_answers(&recent.received(), &[]);
    assert!(answers[0].body == "root" && answers[0].closes() && recent.is_closed());
}

#[test]
fn half_a_head_does_not_hold_up_the_end() {
    let server = server();
    let mut quick = server.connect();
    let mut slow = server.connect();
    for client in [&mut quick, &mut slow] {
        client.send("GET / HTTP/1.1\r\n");
    }
    server.drain();
    server.advance(Duration::from_millis(999));
    quick.send("Host: a\r\n\r\n");
    assert!(read_answers(&quick.received(), &[])[0].body == "root" && !slow.is_closed());
    server.advance(Duration::from_millis(1));
    assert!(slow.is_closed());
    assert_eq!(slow.received(), "");
    assert_eq!((server.tasks(), server.stats().cut), (0, 0));
}

#[test]
fn closing_cuts_what_is_left_and_counts_it() {
    let server = server();
    let mut busy = server.connect();
    busy.send(SLOW);
    server.close();
    assert!(busy.is_closed());
    assert_eq!((server.tasks(), server.stats().cut), (0, 1));
}

#[test]
fn a_leaving_server_serves_and_says_that_it_is_not_ready() {
    let router = application().get("/ready", inline(|| is_ready().to_string()));
    let server = Server::with_config(router, |config| {
        config.drain_delay = Duration::from_secs(5);
    });
    let ready = get("/ready");
    let mut kept = server.connect();
    kept.send(&ready);
    let answers = read_answers(&kept.received(), &[]);
    assert!(answers[0].body == "true" && !answers[0].closes());
    let mut busy = server.connect();
    busy.send(SLOW);
    server.drain();
    assert_eq!(server.phase(), Phase::Leaving);
    // An idle connection, one that is busy, and one that is new: each closes with its next answer.
    let mut new = server.connect();
    new.send(&ready);
    kept.send(&ready);
    server.advance(Duration::from_secs(1));
    for (client, body) in [
        (&mut new, "false"),
        (&mut kept, "false"),
        (&mut busy, "slow"),
    ] {
        let answers = read_answers(&client.received(), &[]);
        assert_eq!(
            (answers[0].body.as_str(), answers[0].closes()),
            (body, true)
        );
        assert!(client.is_closed());
    }
    assert_eq!(server.phase(), Phase::Leaving);
    server.advance(Duration::from_secs(4));
    assert_eq!((server.phase(), server.tasks()), (Phase::Draining, 0));
}

#[test]
fn an_endless_answer_hears_of_the_drain_and_ends_itself() {
    let endless = async || {
        let (mut sender, body) = Body::channel(1024);
        container::spawn_local(async move {
            sender.send("begin,").await.expect("somebody reads");
            draining().await;
            sender.send("end").await.expect("somebody reads");
            sender.finish();
        });
        body
    };
    let server = Server::with_config(Router::new().get("/", endless), |config| {
        config.drain_delay = Duration::from_secs(5);
    });
    let mut client = server.connect();
    client.send(GET);
    server.drain();
    assert!(
        !client.received().contains("end"),
        "it may go on while others leave"
    );
    server.advance(Duration::from_secs(5));
    assert!(client.received().ends_with("3\r\nend\r\n0\r\n\r\n"));
    assert_eq!((server.tasks(), server.stats().cut), (0, 0));
}

#[test]
fn each_phase_has_a_deadline() {
    let server = Server::with_config(application(), |config| {
        config.drain_delay = Duration::from_secs(5);
        config.drain = Duration::from_secs(7);
    });
    let mut client = server.connect();
    client.send(get("/deadline"));
    server.drain();
    let mut seen = vec![];
    for _ in 0..13 {
        seen.push(server.phase());
        server.advance(Duration::from_secs(1));
    }
    let count = |phase| seen.iter().filter(|seen| **seen == phase).count();
    assert_eq!(
        (count(Phase::Leaving), count(Phase::Draining)),
        (5, 7),
        "{seen:?}"
    );
    assert!(client.is_closed());
    assert_eq!((server.tasks(), server.stats().cut), (0, 1));
}
