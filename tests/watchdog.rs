//! The watchdog names who holds a worker, or a thread of the blocking pool, while it is held; over
//! real sockets and threads. Each hold lasts until it was seen, so that no time matters.

use std::thread;
use std::time::Duration;

use container::handler::Lane;
use container::scheduler::{HeldThread, SlowRoute};
use container::server::Handle;
use container::testing::Server;
use container::{
    Body, Container, Next, Request, Response, Router, admin, blocking, inline, local_body,
    spawn_blocking, spawn_local,
};
use log::LevelFilter;
use tests::exposition::Metrics;
use tests::loopback::{Hold, builder, connect, hold, receive, send, stop, until};
use tests::records::Records;
use tests::{get, last};

/// How long is too long here.
const LIMIT: Duration = Duration::from_millis(5);

/// Every line that a container of this process wrote.
static LOG: Records = Records::of("container::watchdog");

fn start(router: Router) -> Container {
    LOG.listen(LevelFilter::Warn);
    let builder = builder(1).configure(|config| {
        config.watchdog.worker = Some(LIMIT);
        config.watchdog.blocking = Some(LIMIT);
        config.watchdog.move_slow_inline = Some(1);
    });
    builder.start(router).expect("it starts")
}

/// What the container tells of a route.
fn find(handle: &Handle, route: &str, thread: HeldThread) -> Option<SlowRoute> {
    let mut slow = handle.slow_routes().into_iter();
    slow.find(|slow| &*slow.route == route && slow.thread == thread)
}

/// How often the metrics say that a route has held threads of this kind.
#[track_caller]
fn counted(handle: &Handle, route: &str, thread: HeldThread) -> f64 {
    let (method, template) = match route {
        "a request without a route" => ("-", "-"),
        "a background task" => ("-", "background"),
        route => route.split_once(' ').expect("a method and a template"),
    };
    let thread = match thread {
        HeldThread::Worker => "worker",
        HeldThread::Blocking => "blocking",
    };
    let labels = [("method", method), ("route", template), ("thread", thread)];
    metrics(handle).value("container_holds_total", &labels)
}

/// What the container tells those who collect.
fn metrics(handle: &Handle) -> Metrics {
    let admin = Server::new(admin::routes(handle.clone()));
    let answer = admin.exchange(&get("/-/metrics"));
    let (_, text) = answer.split_once("\r\n\r\n").expect("an answer");
    Metrics::read(text)
}

/// Something at `path` holds a thread of this kind; it is named like this, and `thread`.
#[track_caller]
fn check(
    router: Router,
    hold: &Hold,
    path: &str,
    (thread, kind): (&str, HeldThread),
    (name, lane): (&str, Option<Lane>),
) {
    let container = start(router);
    let handle = container.handle();
    let stream = connect(&handle);
    send(&stream, &last(path));
    hold.wait_begun();
    let lane_word = match lane {
        None => "",
        Some(Lane::Inline) => " (inline)",
        Some(Lane::Async) => " (async)",
        Some(Lane::Blocking) => " (blocking)",
    };
    let full = format!("{name}{lane_word}");
    let first = format!("WARN {thread} held for 5ms or more by {full}");
    until(&first, || find(&handle, name, kind).is_some());
    until(&first, || LOG.has(&[&first]));
    let slow = find(&handle, name, kind).expect("it stays counted");
    assert_eq!(slow.lane, lane);
    assert!(slow.holds >= 1 && slow.longest >= LIMIT, "{slow:?}");
    assert!(counted(&handle, name, kind) >= 1.0, "{name}");
    hold.release();
    let last = [
        &*format!("WARN {thread} was held "),
        &format!(" by {full}, which has "),
    ];
    until(last[1], || LOG.has(&last));
    receive(&stream);
    let report = stop(container);
    let holds = report.stats.holds;
    let (count, longest) = match (kind, lane) {
        (HeldThread::Blocking, _) => (holds.blocking, holds.longest_blocking),
        (_, Some(Lane::Inline)) => (holds.inline, holds.longest),
        (_, Some(Lane::Async)) => (holds.r#async, holds.longest),
        (_, Some(Lane::Blocking) | None) => (holds.other, holds.longest),
    };
    assert!(count >= 1 && longest >= LIMIT, "{holds:?}");
}

const WORKER: (&str, HeldThread) = ("worker-0", HeldThread::Worker);
const POOL: (&str, HeldThread) = ("blocking-1", HeldThread::Blocking);

#[test]
fn an_inline_handler() {
    let (end, held) = hold();
    let router = Router::new().get("/inline/{id}", inline(held));
    let name = ("GET /inline/{id}", Some(Lane::Inline));
    check(router, &end, "/inline/7", WORKER, name);
}

#[test]
fn an_async_handler_between_two_awaits() {
    let (end, held) = hold();
    let handler = move || {
        let held = held.clone();
        async move {
            container::yield_now().await;
            held()
        }
    };
    let router = Router::new().get("/async", handler);
    check(
        router,
        &end,
        "/async",
        WORKER,
        ("GET /async", Some(Lane::Async)),
    );
}

#[test]
fn a_task_that_a_handler_started() {
    let (end, held) = hold();
    let handler = move || {
        let held = held.clone();
        async move {
            spawn_local(async move { held() })
                .await
                .unwrap_or("it panicked")
        }
    };
    let router = Router::new().get("/task", handler);
    check(
        router,
        &end,
        "/task",
        WORKER,
        ("GET /task", Some(Lane::Async)),
    );
}

#[test]
fn a_task_that_nobody_asked_for() {
    let (end, held) = hold();
    let router = Router::new()
        .get("/", inline(|| "root"))
        .on_start(move |_| {
            let held = held.clone();
            async move {
                spawn_local(async move { held() });
            }
        });
    check(router, &end, "/", WORKER, ("a background task", None));
}

#[test]
fn what_makes_the_body_of_an_answer() {
    let (end, held) = hold();
    let body = move || -> Body {
        let held = held.clone();
        local_body(async move |out| Ok(out.send(held()).await?))
    };
    let router = Router::new().get("/body", inline(body));
    check(
        router,
        &end,
        "/body",
        WORKER,
        ("GET /body", Some(Lane::Inline)),
    );
}

/// Middleware that holds its worker.
fn around(
    held: impl Fn() -> &'static str + Send + Sync + Clone + 'static,
    router: Router,
) -> Router {
    router.layer(move |request: Request, next: Next| {
        let held = held.clone();
        async move {
            held();
            let response: Response = next.run(request).await;
            response
        }
    })
}

#[test]
fn the_middleware_of_a_blocking_route() {
    let (end, held) = hold();
    let router = around(held, Router::new().get("/layer", blocking(|| "late")));
    check(
        router,
        &end,
        "/layer",
        WORKER,
        ("GET /layer", Some(Lane::Blocking)),
    );
}

#[test]
fn the_middleware_of_nothing() {
    let (end, held) = hold();
    let router = around(held, Router::new().get("/", inline(|| "root")));
    check(
        router,
        &end,
        "/none",
        WORKER,
        ("a request without a route", None),
    );
}

#[test]
fn a_blocking_handler() {
    let (end, held) = hold();
    let router = Router::new().get("/blocking", blocking(held));
    check(
        router,
        &end,
        "/blocking",
        POOL,
        ("GET /blocking", Some(Lane::Blocking)),
    );
}

#[test]
fn a_blocking_handler_that_waited_for_its_permit() {
    let (end, held) = hold();
    let handler = blocking(held).concurrency(1).queue(1);
    let router = Router::new().get("/queued", handler);
    let container = start(router);
    let handle = container.handle();
    let streams = [connect(&handle), connect(&handle)];
    for stream in &streams {
        send(stream, &last("/queued"));
    }
    for holds in 1..=2 {
        end.wait_begun();
        until("it is found", || {
            let slow = find(&handle, "GET /queued", HeldThread::Blocking);
            slow.is_some_and(|slow| slow.holds == holds)
        });
        end.release();
    }
    streams.iter().for_each(|stream| drop(receive(stream)));
    stop(container);
}

#[test]
fn a_job_of_an_async_handler() {
    let (end, held) = hold();
    let handler = move || {
        let held = held.clone();
        async move {
            match spawn_blocking(held).await {
                Ok(Ok(held)) => held,
                _ => "no thread, or a panic",
            }
        }
    };
    let router = Router::new().get("/job", handler);
    check(router, &end, "/job", POOL, ("GET /job", Some(Lane::Async)));
}

#[test]
fn an_inline_route_that_is_slow_is_moved_to_the_pool() {
    let (end, held) = hold();
    let handler = move || {
        held();
        thread::current().name().unwrap_or_default().to_owned()
    };
    let container = start(Router::new().get("/moved", inline(handler)));
    let handle = container.handle();
    let ask = || {
        let stream = connect(&handle);
        send(&stream, &last("/moved"));
        end.wait_begun();
        stream
    };
    let first = ask();
    until("it is moved", || {
        find(&handle, "GET /moved", HeldThread::Worker).is_some_and(|slow| slow.is_moved)
    });
    let line = "GET /moved (inline) held workers 1 times within 60s: from now on it runs on";
    until(line, || LOG.has(&[line]));
    end.release();
    assert!(receive(&first).ends_with("\r\n\r\nworker-0"));
    let second = ask();
    end.release();
    assert!(receive(&second).ends_with("\r\n\r\nblocking-1"));
    // It stays what it is in the metrics too, but for its lane.
    let labels = [("route", "/moved"), ("method", "GET")];
    let labels = |more| [&labels[..], &[more]].concat();
    let thread = labels(("thread", "worker"));
    assert!(metrics(&handle).value("container_holds_total", &thread) >= 1.0);
    let lane = labels(("lane", "blocking"));
    metrics(&handle).value("container_request_ran_seconds_count", &lane);
    stop(container);
}
