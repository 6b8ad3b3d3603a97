//! The overload experiment: a handler that can do so many requests a second is offered less, as
//! much, and far more than that, by clients who do not care how it is doing.
//!
//! Virtual time and seeded arrivals: each run is the same.

use std::fmt;
use std::time::Duration;

use container::handler::{Patience, Priority};
use container::testing::{Client, Server};
use container::{Handler, Router, sleep};
use tests::{Random, get};

use crate::status;

/// Requests that the handler can do at once, and how long one takes: 200 a second.
const AT_ONCE: usize = 4;
const SERVICE: Duration = Duration::from_millis(20);
const CAPACITY: f64 = 200.0;

/// Before it counts: the queue has to find out that it stands.
const WARM_UP: Duration = Duration::from_secs(1);

/// How long it counts.
const MEASURED: Duration = Duration::from_secs(5);

/// How exactly latency is measured.
const TICK: Duration = Duration::from_millis(1);

/// Ticks between two questions for health.
const HEALTH_TICKS: usize = 10;

/// Requests offered, as multiples of the capacity.
const OFFERS: [f64; 5] = [0.5, 1.0, 2.0, 5.0, 10.0];

/// How long answers to `/health` may take.
const HEALTH: Duration = Duration::from_millis(10);

/// What came of an offer.
struct Outcome {
    /// Requests answered 200.
    good: usize,
    /// Requests answered 503.
    shed: usize,
    /// How long the good ones took, in order.
    latencies: Vec<Duration>,
    /// The longest that `/health` took.
    health: Duration,
}

/// A request that is not answered yet.
struct Pending<'a> {
    client: Client<'a>,
    sent: Duration,
}

/// Clients that send at a rate, whatever becomes of it.
struct OpenLoop<'a> {
    server: &'a Server,
    now: Duration,
    random: Random,
    idle: Vec<Client<'a>>,
    pending: Vec<Pending<'a>>,
    outcome: Outcome,
}

fn server(patience: Patience) -> Server {
    async fn work() -> &'static str {
        sleep(SERVICE).await;
        "done"
    }
    async fn health() -> &'static str {
        "well"
    }
    let router = Router::new()
        .get("/work", work)
        .get("/health", health.priority(Priority::Critical));
    Server::with_config(router, |config| {
        config.budgets.r#async.limit(AT_ONCE);
        config.budgets.r#async.queue = 100;
        config.budgets.patience = patience;
    })
}

fn offer(server: &Server, rate: f64) -> Outcome {
    let mut clients = OpenLoop {
        server,
        now: Duration::ZERO,
        random: Random::seeded(1),
        idle: vec![],
        pending: vec![],
        outcome: Outcome {
            good: 0,
            shed: 0,
            latencies: vec![],
            health: Duration::ZERO,
        },
    };
    let mut arrival = clients.next_arrival(rate);
    for ticks in 0.. {
        if clients.now >= WARM_UP + MEASURED {
            break;
        }
        let tick = clients.now + TICK;
        while arrival < tick {
            clients.wait_until(arrival);
            clients.send();
            arrival += clients.next_arrival(rate);
        }
        clients.wait_until(tick);
        clients.receive();
        if ticks % HEALTH_TICKS == 0 {
            clients.ask_for_health();
        }
    }
    let mut outcome = clients.outcome;
    outcome.latencies.sort_unstable();
    outcome
}

impl OpenLoop<'_> {
    /// Exponential: the time to the next arrival of a Poisson process.
    fn next_arrival(&mut self, rate: f64) -> Duration {
        let bits = self.random.number() >> 11;
        let uniform = (bits + 1) as f64 / (1_u64 << 53) as f64;
        Duration::from_secs_f64(-uniform.ln() / rate)
    }

    fn wait_until(&mut self, time: Duration) {
        self.server.advance(time - self.now);
        self.now = time;
    }

    fn send(&mut self) {
        let mut client = self.idle.pop().unwrap_or_else(|| self.server.connect());
        client.send(get("/work"));
        let sent = self.now;
        self.pending.push(Pending { client, sent });
    }

    /// Takes what has come.
    fn receive(&mut self) {
        let mut at = 0;
        while at < self.pending.len() {
            let answer = self.pending[at].client.received();
            if answer.is_empty() {
                at += 1;
                continue;
            }
            let Pending { client, sent } = self.pending.swap_remove(at);
            self.idle.push(client);
            if sent >= WARM_UP {
                self.outcome.note(status(&answer), self.now - sent);
            }
        }
    }

    fn ask_for_health(&mut self) {
        let mut probe = self.idle.pop().unwrap_or_else(|| self.server.connect());
        let asked = self.now;
        probe.send(get("/health"));
        while status(&probe.received()) != 200 {
            self.wait_until(self.now + TICK);
        }
        self.outcome.health = self.outcome.health.max(self.now - asked);
        self.idle.push(probe);
    }
}

impl Outcome {
    fn note(&mut self, status: u16, took: Duration) {
        match status {
            200 => {
                self.good += 1;
                self.latencies.push(took);
            }
            503 => self.shed += 1,
            other => panic!("{other}"),
        }
    }

    fn p99(&self) -> Duration {
        self.latencies[self.latencies.len() * 99 / 100]
    }
}

/// The line that is shown when a promise is broken.
impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = MEASURED.as_secs_f64();
        let (good, shed) = (self.good as f64 / seconds, self.shed as f64 / seconds);
        let (p99, health) = (self.p99(), self.health);
        write!(
            formatter,
            "good {good:.1}/s, shed {shed:.1}/s, p99 {p99:?}, health {health:?}"
        )
    }
}

/// The latency that is promised at any load.
fn bound(unloaded: &Outcome, patience: Patience) -> Duration {
    2 * unloaded.p99() + patience.target
}

#[test]
fn ten_times_the_load_costs_neither_goodput_nor_latency_nor_health() {
    let patience = Patience::default();
    let unloaded = offer(&server(patience), CAPACITY / 20.0);
    let outcomes = OFFERS.map(|factor| offer(&server(patience), factor * CAPACITY));
    let peak = outcomes.iter().map(|outcome| outcome.good).max();
    let (peak, last) = (peak.unwrap_or(0), &outcomes[OFFERS.len() - 1]);
    assert!(last.good * 100 >= peak * 95, "{peak} before, {last}");
    assert!(last.p99() <= bound(&unloaded, patience), "{last}");
    assert!(last.shed > 8 * last.good, "{last}");
    let health = outcomes.iter().map(|outcome| outcome.health).max();
    assert!(health <= Some(HEALTH), "{health:?}");
}

/// The same queue without the control law, so that the experiment above is known to show it.
#[test]
fn a_queue_that_is_only_bounded_in_length_makes_all_wait() {
    let target = Duration::from_secs(60);
    let unloaded = offer(&server(Patience::default()), CAPACITY / 20.0);
    let last = offer(&server(Patience::of(target)), 10.0 * CAPACITY);
    assert!(last.p99() > 4 * bound(&unloaded, Patience::default()));
}
