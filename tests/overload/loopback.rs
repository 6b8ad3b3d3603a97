//! The same over real sockets: connections of one peer, and descriptors of those who went.

use std::fs;
use std::net::TcpStream;
use std::time::Duration;

use container::{Container, Handler, Router, inline, sleep};
use tests::GET;
use tests::loopback::{builder, connect, receive, receive_until, send, stop, until, until_idle};
use tests::program::alone;

#[test]
fn a_peer_has_only_so_many_connections() {
    let router = Router::new().get("/", inline(|| "root"));
    let container = builder(2).configure(|config| config.connections_per_peer = Some(2));
    let container = container.start(router).expect("it starts");
    let handle = container.handle();
    let [first, second] = [connect(&handle), connect(&handle)];
    for stream in [&first, &second] {
        send(stream, GET);
        receive_until(stream, "root");
    }
    // Answered without having asked, and closed.
    let third = receive(connect(&handle));
    assert!(third.starts_with("HTTP/1.1 503 "), "{third}");
    assert!(third.contains("\r\nretry-after: 1\r\n"), "{third}");
    let stats = handle.stats();
    assert_eq!((stats.refused, stats.refused_peers), (1, 1));
    drop(first);
    until("its place is free", || handle.stats().connections == 1);
    let fourth = connect(&handle);
    send(&fourth, GET);
    receive_until(&fourth, "root");
    drop((second, fourth));
    until("its peer is forgotten", || handle.budgets().peers == 0);
    stop(container);
}

#[test]
fn clients_that_went_leave_no_descriptor() {
    let name = "loopback::clients_that_went_leave_no_descriptor";
    alone(name, "true", count_descriptors);
}

fn count_descriptors() {
    const AT_ONCE: usize = 100;
    const ROUNDS: u64 = 5;
    async fn stuck() {
        sleep(Duration::from_secs(3600)).await;
    }
    let route = stuck.concurrency(AT_ONCE / 2).queue(AT_ONCE / 2);
    let probe = Duration::from_millis(1);
    let container: Container = builder(2)
        .configure(|config| config.disconnect_probe = probe)
        .start(Router::new().get("/", route))
        .expect("it starts");
    let handle = container.handle();
    let before = descriptors();
    for _ in 0..ROUNDS {
        let streams: Vec<TcpStream> = (0..AT_ONCE).map(|_| connect(&handle)).collect();
        streams.iter().for_each(|stream| send(stream, GET));
        until("all run or wait", || {
            let lane = handle.stats().r#async;
            lane.running + lane.queued == AT_ONCE as u64
        });
        drop(streams);
        until_idle(&handle);
    }
    let lane = handle.stats().r#async;
    assert_eq!((lane.cancelled, lane.shed), (ROUNDS * AT_ONCE as u64, 0));
    assert_eq!(descriptors(), before);
    stop(container);
}

/// Descriptors of this process.
fn descriptors() -> usize {
    // Present on Linux and on the BSDs.
    fs::read_dir("/dev/fd").map_or(0, Iterator::count)
}
