//! Random clients against random handlers, in memory, in virtual time, on one thread: a seed says
//! all that happens, and reproduces it.
//!
//! `SIMULATION_SEED=7 SIMULATION_SEEDS=1000` runs a thousand seeds from the seventh on. A seed that
//! fails is named; the same seed with `SIMULATION_SEEDS=1` fails in the same way.

#[path = "simulation/client.rs"]
mod client;
#[path = "simulation/closings.rs"]
mod closings;
#[path = "simulation/plan.rs"]
mod plan;
#[path = "simulation/world.rs"]
mod world;

use std::env;
use std::time::Duration;

use client::{Client, Leniency};
use container::testing::Server;
use plan::CONNECTIONS_MAX;
use tests::Random;
use world::{Bounds, ledger};

/// Seeds of an ordinary run: a few seconds without optimisation.
const SEEDS: u64 = 500;

/// Things done in random order before everybody does what is left.
const STEPS: usize = 250;

/// Rounds in which everybody does what is left; far more than any plan needs.
const ROUNDS_MAX: usize = 20_000;

/// How much time passes while nobody can do anything, and how often before it is of no use: then
/// all that is left is a peer that will not read.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSES_MAX: usize = 150;

/// The least time after which the server may lose its patience: it lingers for two seconds.
const PATIENCE: Duration = Duration::from_millis(1900);

/// Longer than any timeout.
const FOREVER: Duration = Duration::from_secs(200);

#[test]
fn every_seed_keeps_every_promise() {
    closings::listen();
    let (first, count) = (
        setting("SIMULATION_SEED", 1),
        setting("SIMULATION_SEEDS", SEEDS),
    );
    for seed in first..first + count {
        let outcome = std::panic::catch_unwind(|| Simulation::run(seed));
        assert!(
            outcome.is_ok(),
            "seed {seed} fails; again with SIMULATION_SEED={seed} SIMULATION_SEEDS=1"
        );
    }
}

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a setting is a number"))
}

/// One seed on its way.
struct Simulation<'s> {
    server: &'s Server,
    bounds: Bounds,
    random: Random,
    clients: Vec<Client<'s>>,
    /// How much time has passed.
    elapsed: Duration,
    /// Whether time may pass in leaps.
    dawdles: bool,
    leniency: Leniency,
    /// Connections that only look whether all is as before.
    probes: usize,
}

impl Simulation<'_> {
    fn run(seed: u64) {
        let mut random = Random::seeded(seed);
        let bounds = Bounds::new(&mut random);
        let server = Server::without_threads(world::routes(bounds), |config| {
            config.blocking.threads = bounds.threads;
            config.blocking.queue = bounds.jobs;
            config.http1.limits.unread_body = plan::UNREAD_BODY;
        });
        closings::take();
        let mut simulation = Simulation {
            server: &server,
            bounds,
            dawdles: random.once_in(5),
            random,
            clients: vec![],
            elapsed: Duration::ZERO,
            leniency: Leniency {
                is_late: false,
                is_drained: false,
                is_closed: false,
            },
            probes: 0,
        };
        simulation.connect();
        simulation.mix();
        simulation.finish();
        simulation.check_end();
    }

    fn connect(&mut self) {
        let is_crowded = self.random.once_in(3);
        for index in 0..1 + self.random.below(CONNECTIONS_MAX) {
            let plan = plan::Client::new(index, is_crowded, &mut self.random);
            self.clients.push(Client::new(index, plan, self.server));
        }
    }

    /// Everybody does something, in any order.
    fn mix(&mut self) {
        for _ in 0..STEPS {
            match self.random.below(20) {
                0 => self.pass_time(),
                1 | 2 => self.server.run_blocking(self.random.below(3)),
                3 if self.random.once_in(400) => self.drain(),
                4 if self.random.once_in(800) => self.close(),
                _ => {
                    let index = self.random.below(self.clients.len());
                    self.clients[index].act(&mut self.random);
                }
            }
            // Sometimes more than one thing has happened before the server gets its turn.
            if !self.random.once_in(3) {
                self.server.run();
            }
            self.check();
        }
    }

    fn pass_time(&mut self) {
        let leap = self.dawdles && self.random.once_in(10);
        let millis = self.random.pick(&[1, 5, 30]) * if leap { 400 } else { 1 };
        self.advance(Duration::from_millis(millis));
    }

    fn advance(&mut self, duration: Duration) {
        self.elapsed += duration;
        self.leniency.is_late |= self.elapsed > PATIENCE;
        self.server.advance(duration);
    }

    fn drain(&mut self) {
        self.leniency.is_drained = true;
        self.server.drain();
    }

    fn close(&mut self) {
        self.leniency.is_closed = true;
        self.server.close();
    }

    /// Everybody does what is left, until nobody can and no time helps.
    fn finish(&mut self) {
        let mut pauses = 0;
        for _ in 0..ROUNDS_MAX {
            self.server.run();
            let mut moved = false;
            for client in &mut self.clients {
                moved |= client.act_fully();
            }
            if self.server.held() > 0 {
                self.server.run_blocking(0);
                moved = true;
            }
            self.check();
            if moved {
                pauses = 0;
                continue;
            }
            pauses += 1;
            if pauses > PAUSES_MAX || !self.has_work() {
                return;
            }
            self.advance(PAUSE);
        }
        panic!("it comes to no end: {:?}", self.clients);
    }

    /// Whether a handler is at work or waits, so that time may bring something.
    fn has_work(&self) -> bool {
        // Connections are tasks too; what handlers have spawned comes on top.
        let stats = self.server.stats();
        let spawned = self.server.tasks() as u64 > stats.connections;
        spawned || stats.r#async.running + stats.r#async.queued + stats.blocking.queued > 0
    }

    /// What holds at any time.
    fn check(&self) {
        let stats = self.server.stats();
        let queue = self.bounds.queue as u64;
        assert!(stats.r#async.queued <= queue, "{stats:?}");
        let jobs = self.bounds.threads + self.bounds.jobs;
        assert!(self.server.held() <= jobs);
        assert!(stats.blocking.queued <= queue + jobs as u64, "{stats:?}");
        self.clients.iter().for_each(Client::check_buffers);
        ledger(|ledger| assert_eq!(ledger.faults, [""; 0]));
    }

    /// What holds when everybody has done what there was to do, and all timeouts have passed.
    fn check_end(mut self) {
        let leniency = self.leniency;
        self.server.advance(FOREVER);
        for client in &mut self.clients {
            while client.act_fully() {
                self.server.run();
            }
        }
        self.server.advance(FOREVER);
        if !leniency.is_drained && !leniency.is_closed {
            self.check_permits();
        }
        let stats = self.server.stats();
        for lane in [stats.inline, stats.r#async, stats.blocking] {
            assert_eq!((lane.running, lane.queued), (0, 0), "{stats:?}");
        }
        let left = (self.server.tasks(), stats.connections, self.server.held());
        assert_eq!(left, (0, 0, 0), "tasks, connections, held jobs");
        let connections = self.clients.len() + self.probes;
        assert_eq!(closings::take(), connections, "each has its reason");
        for client in &mut self.clients {
            client.check(leniency);
        }
    }

    /// As many as may be inside a gate are let in at once: no permit is missing.
    fn check_permits(&mut self) {
        let Bounds {
            concurrency,
            threads,
            jobs,
            ..
        } = self.bounds;
        let id = CONNECTIONS_MAX * 100;
        let rooms = [
            ("gate", concurrency),
            ("blocking-gate", concurrency.min(threads + jobs)),
        ];
        for (route, room) in rooms {
            let mut clients: Vec<_> = (0..room).map(|_| self.server.connect()).collect();
            for client in &mut clients {
                client.send(format!("GET /{route}/{id}/0/1 HTTP/1.1\r\nHost: a\r\n\r\n"));
            }
            while self.server.held() > 0 {
                self.server.run_blocking(0);
            }
            self.server.advance(PAUSE);
            for client in &mut clients {
                let wire = client.received();
                assert!(wire.starts_with("HTTP/1.1 200"), "{route}: {wire}");
                client.close();
            }
            self.probes += room;
        }
        self.server.advance(PAUSE);
    }
}
