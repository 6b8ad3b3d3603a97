//! The container over real sockets: what memory cannot show. Waits for events only, and every wait
//! has an end.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::Duration;
use std::{iter, thread};

use container::handler::Priority;
use container::reactor::Reactor;
use container::scheduler::Phase;
use container::server::Handle;
use container::{Container, Router, blocking, inline};
use tests::loopback::{
    self, PATIENCE, address, builder, connect, connect_unix, hold, receive, receive_until, send,
    socket_path, start, stop, until, until_idle, wait,
};
use tests::program::alone;
use tests::{GET, LAST, application, get, read_answers};

#[test]
fn another_thread_stops_it() {
    let container = start(application());
    let handle = container.handle();
    assert_eq!(handle.phase(), Phase::Running);
    let stopper = thread::spawn(move || {
        send(connect(&handle), LAST);
        handle.stop();
        handle
    });
    let report = wait(container);
    let handle = stopper.join().expect("no panic");
    assert_eq!(
        (handle.phase(), report.stats.connections),
        (Phase::Drained, 0)
    );
    assert!(TcpStream::connect(address(&handle)).is_err());
}

#[test]
fn keep_alive_pipelining_and_half_close() {
    let container = start(application());
    let stream = connect(&container.handle());
    for _ in 0..3 {
        send(&stream, GET);
        assert!(receive_until(&stream, "root").starts_with("HTTP/1.1 200"));
    }
    send(&stream, &GET.repeat(500));
    stream.shutdown(Shutdown::Write).expect("it is open");
    let answers = read_answers(&receive(&stream), &[]);
    assert_eq!(answers.len(), 500);
    assert!(answers.iter().all(|answer| answer.body == "root"));
    assert_eq!(stop(container).stats.served, 503);
}

#[test]
fn a_half_closed_client_gets_its_slow_answer() {
    let container = start(application());
    let stream = connect(&container.handle());
    send(&stream, &get("/slow"));
    stream.shutdown(Shutdown::Write).expect("it is open");
    let answers = read_answers(&receive(&stream), &[]);
    assert_eq!(
        answers.last().map(|answer| answer.body.as_str()),
        Some("slow")
    );
    stop(container);
}

#[test]
fn a_reset_cancels_and_leaves_nothing() {
    let container = start(application());
    let handle = container.handle();
    let stream = connect(&handle);
    send(&stream, GET);
    send(&stream, &get("/deadline"));
    until("the handler runs", || handle.stats().r#async.running == 1);
    // Closing with an answer unread resets.
    drop(stream);
    until("it is cancelled", || handle.stats().r#async.cancelled == 1);
    until("it is closed", || handle.stats().connections == 0);
    stop(container);
}

#[test]
fn thousands_opened_and_reset() {
    const AT_ONCE: usize = 200;
    let container = builder(2).start(application()).expect("it starts");
    let handle = container.handle();
    for round in 0..10 {
        let streams: Vec<TcpStream> = (0..AT_ONCE).map(|_| connect(&handle)).collect();
        for (number, stream) in streams.iter().enumerate() {
            let text = [
                GET,
                "",
                "GET / HT",
                "POST /live HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na",
            ];
            send(stream, text[(number + round) % text.len()]);
        }
    }
    until_idle(&handle);
    let stream = connect(&handle);
    send(&stream, LAST);
    assert!(receive(&stream).ends_with("root"));
    stop(container);
}

#[test]
fn unix_connections_go_to_both_workers() {
    let path = socket_path("spread");
    let router = Router::new().get(
        "/",
        inline(|| thread::current().name().unwrap_or_default().to_owned()),
    );
    let container = Container::builder()
        .bind(format!("unix:{}", path.display()))
        .workers(2)
        .start(router)
        .expect("it starts");
    // Begun and held, so that the least loaded worker is never the same for long.
    let streams: Vec<UnixStream> = (0..10).map(|_| connect_unix(&path)).collect();
    let mut names = vec![];
    for stream in &streams {
        send(stream, LAST);
        let answers = read_answers(&receive(stream), &[]);
        names.push(answers[0].body.clone());
    }
    for name in ["worker-0", "worker-1"] {
        assert!(names.iter().any(|seen| seen == name), "{names:?}");
    }
    stop(container);
    assert!(!path.exists());
}

#[test]
fn two_containers_in_one_process() {
    let (one, two) = (
        start(application()),
        start(Router::new().get("/", inline(|| "two"))),
    );
    stop(one);
    let stream = connect(&two.handle());
    send(&stream, LAST);
    assert!(receive(&stream).ends_with("two"));
    assert_eq!(stop(two).stats.served, 1);
}

#[test]
fn a_taken_port_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has one").to_string();
    for workers in [1, 2] {
        let started = Container::builder()
            .bind(&address)
            .workers(workers)
            .start(application());
        assert!(
            started.is_err_and(|error| error.is_address_in_use()),
            "{workers} workers"
        );
        let container = builder(workers).start(application()).expect("it starts");
        let address = loopback::address(&container.handle()).to_string();
        let started = Container::builder()
            .bind(&address)
            .workers(2)
            .start(application());
        assert!(
            started.is_err_and(|error| error.is_address_in_use()),
            "{workers} workers"
        );
        stop(container);
    }
}

#[test]
fn a_drain_finishes_what_is_in_flight() {
    let (hold, held) = hold();
    let container = builder(2)
        .start(
            Router::new()
                .get("/", inline(|| "root"))
                .get("/held", blocking(held)),
        )
        .expect("it starts");
    let handle = container.handle();
    let (busy, idle) = (connect(&handle), connect(&handle));
    send(&idle, GET);
    receive_until(&idle, "root");
    send(&busy, &get("/held"));
    hold.wait_begun();
    handle.stop();
    assert_eq!(receive(&idle), "", "an idle connection closes");
    assert_eq!(handle.phase(), Phase::Draining);
    hold.release();
    let answers = read_answers(&receive(&busy), &[]);
    assert!(answers[0].body == "held" && answers[0].closes());
    let report = wait(container);
    assert_eq!((report.stats.cut, report.stats.connections), (0, 0));
}

#[test]
fn closing_cuts_and_ends_although_a_handler_goes_on() {
    let (hold, held) = hold();
    let container = start(Router::new().get("/held", blocking(held)));
    let handle = container.handle();
    let busy = connect(&handle);
    send(&busy, &get("/held"));
    hold.wait_begun();
    handle.stop();
    handle.close();
    assert_eq!(wait(container).stats.cut, 1);
    hold.release();
    assert_eq!(receive(&busy), "");
}

#[test]
fn the_time_to_drain_has_an_end() {
    let container = builder(1)
        .drain_timeout(Duration::from_millis(10))
        .start(application())
        .expect("it starts");
    let stream = connect(&container.handle());
    send(&stream, &get("/deadline"));
    until("it runs", || {
        container.handle().stats().r#async.running == 1
    });
    assert_eq!(stop(container).stats.cut, 1);
}

/// Its thread ended with the worker still current, which aborted the process.
#[test]
fn a_failing_start_hook_is_an_error() {
    for workers in [1, 2] {
        let router = application().on_start(async |_| Err::<(), _>("no database"));
        let error = builder(workers).start(router).err().expect("it fails");
        assert!(error.is_hook(), "{error}");
        assert!(error.to_string().contains("no database"));
    }
}

/// A worker that died before it could serve was not missed.
#[test]
fn a_panicking_start_hook_is_an_error() {
    for workers in [1, 2] {
        let router = application().on_start(async |_| -> () { panic!("in the hook") });
        assert!(builder(workers).start(router).is_err(), "{workers} workers");
    }
}

/// With its queue of jobs full, a worker never heard that it was to stop.
#[test]
fn a_worker_with_a_full_inbox_is_stopped() {
    static HANDLE: OnceLock<Handle> = OnceLock::new();
    let flood = || {
        let remote = Reactor::current().remote();
        while remote.run(Box::new(|| ())).is_ok() {}
        HANDLE.get().expect("it was started").stop();
        "flooded"
    };
    let container = start(Router::new().get("/", inline(flood)));
    let handle = container.handle();
    assert!(HANDLE.set(handle.clone()).is_ok());
    let stream = connect(&handle);
    send(&stream, GET);
    assert!(receive(&stream).ends_with("flooded"));
    wait(container);
}

/// Connections on their way to another worker were dropped when that one had nothing else to do.
#[test]
fn connections_handed_over_during_a_drain_are_answered() {
    // More than a worker takes from its inbox in a turn, several times over.
    const CLIENTS: usize = 400;
    const FIRST: usize = 4;
    let path = socket_path("handed");
    let (accepting, held_accepting) = hold();
    let (other, held_other) = hold();
    let name = || format!("{}!", thread::current().name().unwrap_or_default());
    let router = Router::new()
        .get("/where", inline(name))
        .get("/0", inline(held_accepting))
        .get("/1", inline(held_other))
        .get("/", inline(|| "root"));
    let container = Container::builder()
        .bind(format!("unix:{}", path.display()))
        .workers(2)
        // Nobody counts as held, so that the one that is gets connections too.
        .configure(|config| config.watchdog.worker = None)
        .start(router)
        .expect("it starts");
    let handle = container.handle();
    let first: Vec<UnixStream> = (0..FIRST).map(|_| connect_unix(&path)).collect();
    let is_at_other = |stream: &&UnixStream| {
        send(*stream, &get("/where"));
        receive_until(*stream, "!").ends_with("worker-1!")
    };
    let (at_other, at_accepting): (Vec<_>, Vec<_>) = first.iter().partition(is_at_other);
    send(at_other[0], &get("/1"));
    other.wait_begun();
    send(at_accepting[0], &get("/0"));
    accepting.wait_begun();
    let waiting: Vec<UnixStream> = (0..CLIENTS).map(|_| connect_unix(&path)).collect();
    for stream in &waiting {
        send(stream, GET);
    }
    handle.stop();
    accepting.release();
    until("all are accepted", || {
        let on_their_way = handle.workers()[1].connections as usize - at_other.len();
        handle.stats().accepted as usize + on_their_way == FIRST + CLIENTS
    });
    other.release();
    for (number, stream) in waiting.iter().enumerate() {
        assert!(receive(stream).ends_with("root"), "client {number}");
    }
    wait(container);
}

#[test]
fn blocking_handlers_run_beside_each_other() {
    let (first, first_held) = hold();
    let (second, second_held) = hold();
    let container = start(
        Router::new()
            .get("/first", blocking(first_held))
            .get("/second", blocking(second_held))
            .get("/", inline(|| "root")),
    );
    let handle = container.handle();
    let (one, two, three) = (connect(&handle), connect(&handle), connect(&handle));
    send(&one, &get("/first"));
    first.wait_begun();
    send(&two, &get("/second"));
    second.wait_begun();
    until("both are counted", || handle.stats().blocking.running == 2);
    send(&three, LAST);
    assert!(
        receive(&three).ends_with("root"),
        "the worker is free meanwhile"
    );
    second.release();
    receive_until(&two, "held");
    first.release();
    receive_until(&one, "held");
    until("both are counted", || handle.stats().blocking.finished == 2);
    stop(container);
}

#[test]
fn a_drain_without_descriptors_loses_nothing() {
    let name = "a_drain_without_descriptors_loses_nothing";
    alone(name, "ulimit -Sn 64", short_of_descriptors);
}

/// What waited in the backlog was reset when the drain began while descriptors were short.
fn short_of_descriptors() {
    const WAITING: usize = 4;
    let (hold, held) = hold();
    let router = Router::new()
        .get("/held", inline(held))
        .get("/", inline(|| "root"));
    let container = start(router);
    let handle = container.handle();
    let busy = connect(&handle);
    send(&busy, &get("/held"));
    // Held there, the worker accepts nothing.
    hold.wait_begun();
    let clients: Vec<TcpStream> = (0..WAITING).map(|_| connect(&handle)).collect();
    for stream in &clients {
        send(stream, GET);
    }
    let taken: Vec<File> = iter::from_fn(|| File::open("/dev/null").ok()).collect();
    handle.stop();
    // Before that it would tell those who wait that there is no room.
    assert!(handle.wait_for(Phase::Draining, PATIENCE));
    hold.release();
    assert!(receive(&busy).ends_with("held"));
    drop(taken);
    for stream in &clients {
        assert!(receive(stream).ends_with("root"));
    }
    assert_eq!(wait(container).stats.served, 1 + WAITING as u64);
}

/// Connections on which nothing happened kept out everybody else, health checks among them.
#[test]
fn an_idle_connection_makes_room_for_one_that_asks() {
    let (one, held_one) = hold();
    let (other, held_other) = hold();
    let router = Router::new()
        .get("/one", blocking(held_one))
        .get("/other", blocking(held_other))
        .get("/", inline(|| "root"));
    let container = builder(1).connections(2).start(router).expect("it starts");
    let handle = container.handle();
    let (first, second) = (connect(&handle), connect(&handle));
    for stream in [&first, &second] {
        send(stream, GET);
        receive_until(stream, "root");
    }
    // Once the first has been idle for a moment.
    until("there is room", || {
        let (mut stream, mut answer) = (connect(&handle), String::new());
        // Who is refused may be reset for what he sends then.
        let _ = stream.write_all(LAST.as_bytes());
        let _ = stream.read_to_string(&mut answer);
        answer.ends_with("root")
    });
    assert_eq!(receive(&first), "", "it was idle for longest");
    assert_eq!(handle.stats().displaced, 1);
    until("it has gone", || handle.stats().connections == 1);
    let third = connect(&handle);
    let busy = [(&second, "/one", &one), (&third, "/other", &other)];
    for (stream, path, hold) in busy {
        send(stream, &get(path));
        hold.wait_begun();
    }
    let refused = receive(connect(&handle));
    assert!(refused.starts_with("HTTP/1.1 503 "), "nobody is idle");
    for (stream, _, hold) in busy {
        hold.release();
        receive_until(stream, "held");
    }
    stop(container);
}

#[test]
fn whoever_asks_is_answered_without_descriptors() {
    let name = "whoever_asks_is_answered_without_descriptors";
    alone(name, "ulimit -Sn 64", answered_without_descriptors);
}

/// Nobody was answered as long as there were no descriptors, not even who watches on an address of
/// his own.
fn answered_without_descriptors() {
    for priority in [Priority::Normal, Priority::Critical] {
        let (hold, held) = hold();
        let router = Router::new()
            .get("/held", inline(held).priority(priority))
            .get("/", inline(|| "root").priority(priority));
        let container = start(router);
        let handle = container.handle();
        let busy = connect(&handle);
        send(&busy, &get("/held"));
        // Held there, the worker accepts nothing.
        hold.wait_begun();
        let client = connect(&handle);
        send(&client, LAST);
        let taken: Vec<File> = iter::from_fn(|| File::open("/dev/null").ok()).collect();
        hold.release();
        receive_until(&busy, "held");
        let answer = receive(&client);
        match priority {
            Priority::Critical => assert!(answer.ends_with("root"), "{answer}"),
            _ => assert!(answer.starts_with("HTTP/1.1 "), "{answer}"),
        }
        drop(taken);
        stop(container);
    }
}

/// A connection that was taken between the stop and its worker's hearing of it was closed at once.
#[test]
fn a_connection_accepted_at_the_moment_of_the_stop_is_served() {
    let (hold, held) = hold();
    let router = Router::new()
        .get("/held", inline(held))
        .get("/", inline(|| "root"));
    let container = start(router);
    let handle = container.handle();
    let (one, two) = (connect(&handle), connect(&handle));
    send(&two, GET);
    receive_until(&two, "root");
    send(&one, &get("/held"));
    hold.wait_begun();
    // Both are found in the next turn, the request first.
    send(&two, &get("/held"));
    let fresh = connect(&handle);
    hold.release();
    hold.wait_begun();
    handle.stop();
    hold.release();
    assert!(receive(&two).ends_with("held"));
    send(&fresh, GET);
    assert!(receive(&fresh).ends_with("root"));
    assert!(receive(&one).ends_with("held"));
    wait(container);
}
