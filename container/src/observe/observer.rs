//! `Observation`: what a container observes of its requests; `Observer`: a worker's part of it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::access_log::{AccessLog, AccessWriter};
use super::config::{Config, Metrics, RequestIds, ServerTiming, Traces};
use super::entry::{Asking, Entry, Readable};
use super::metrics::{Ending, RouteName, RouteStats, WorkerMetrics};
use super::record::Record;
use super::server_timing;
use crate::handler::{IntoResponse, Problem};
use crate::message::{
    Request, RequestHead, RequestId, Response, SecretPaths, StatusCode, TraceContext, X_REQUEST_ID,
};

/// What stands in place of a status where the client went before there was one, and where the server
/// cut it off; the numbers that nginx made known for them.
const CLIENT_GONE: u16 = 499;
const CUT: u16 = 444;

/// Records that a worker keeps to be used again: as many requests as are mostly dealt with at once.
const SPARE_MAX: usize = 64;

/// Bytes of text that a record keeps room for when it is kept.
const SPARE_TEXT_MAX: usize = 1 << 10;

/// What a container observes of its requests, over all workers.
pub struct Observation {
    config: Config,
    /// Where lines go, where they are wanted.
    access_log: Option<AccessLog>,
    /// The routes by their indices; the last one stands for what no route answers.
    routes: Vec<RouteName>,
    /// What lines do not show.
    secret_paths: Arc<SecretPaths>,
    /// What each worker counts.
    workers: Vec<Arc<WorkerMetrics>>,
    /// When it began.
    started: Instant,
}

/// A worker's part of an [`Observation`].
pub struct Observer {
    shared: Arc<Observation>,
    metrics: Arc<WorkerMetrics>,
    /// Where lines are written, where they are wanted.
    access: Option<RefCell<AccessWriter>>,
    /// Records to be used again.
    #[expect(clippy::vec_box, reason = "a box goes to a connection and comes back")]
    spare: RefCell<Vec<Box<Record>>>,
    /// Whether there is anybody to measure for.
    measures: bool,
}

impl Observation {
    /// Of a container with these routes, paths of which are not to be shown, and this many workers.
    pub fn new(
        config: Config,
        access_log: Option<AccessLog>,
        routes: impl IntoIterator<Item = RouteName>,
        secret_paths: Arc<SecretPaths>,
        workers: usize,
    ) -> Arc<Self> {
        let routes: Vec<_> = routes.into_iter().collect();
        let metrics = || Arc::new(WorkerMetrics::new(routes.len()));
        Arc::new(Observation {
            workers: (0..workers).map(|_| metrics()).collect(),
            routes: routes.into_iter().chain([RouteName::none()]).collect(),
            secret_paths,
            config,
            access_log,
            started: Instant::now(),
        })
    }

    /// The part of the worker with this index.
    pub fn observer(self: &Arc<Self>, worker: usize) -> Observer {
        let access = self.access_log.clone().map(AccessWriter::new);
        let config = &self.config;
        Observer {
            metrics: self.workers[worker].clone(),
            measures: access.is_some() || *config != Config::unobserved(),
            access: access.map(RefCell::new),
            spare: RefCell::default(),
            shared: self.clone(),
        }
    }

    /// What was counted of each route, and last of what no route answered.
    pub fn routes(&self) -> Vec<RouteStats> {
        let stats = |(index, name)| RouteStats::collect(name, index, &self.workers);
        self.routes.iter().enumerate().map(stats).collect()
    }

    /// What each worker counts.
    pub fn workers(&self) -> &[Arc<WorkerMetrics>] {
        &self.workers
    }

    /// Lines of the access log that were dropped; 0 where there is none.
    pub fn dropped_lines(&self) -> u64 {
        self.access_log.as_ref().map_or(0, AccessLog::dropped)
    }

    /// When it began.
    pub fn started(&self) -> Instant {
        self.started
    }
}

impl Observer {
    /// Whether requests are measured at all; asked before the clock is.
    #[inline]
    pub fn measures(&self) -> bool {
        self.measures
    }

    /// Begins the record of a request, with what is shown for its path where that is not the path;
    /// one that could not be read has no head.
    pub fn begin(
        &self,
        request: Option<(&RequestHead, Option<&str>)>,
        peer: Option<SocketAddr>,
        now: Instant,
    ) -> Box<Record> {
        self.metrics.begun.add(1);
        let mut record = match self.spare.borrow_mut().pop() {
            Some(mut record) => {
                record.renew(now);
                record
            }
            None => Box::new(Record::new(now)),
        };
        self.identify(request.map(|(head, _)| head), &mut record);
        if let Some(access) = &self.access {
            let request = request.map(|(head, shown)| Readable {
                head,
                shown,
                secret_paths: &self.shared.secret_paths,
            });
            let asking = Asking { request, peer };
            access.borrow().ask(&asking, &mut record.asked);
        }
        record
    }

    fn identify(&self, head: Option<&RequestHead>, record: &mut Record) {
        let config = &self.shared.config;
        if config.request_ids == RequestIds::Accepted
            && let Some(id) = head.and_then(|head| head.header(X_REQUEST_ID))
            && let Some(id) = RequestId::parse(id)
        {
            record.id = id;
        }
        if config.traces == Traces::Carried {
            record.trace = Some(head.map_or_else(TraceContext::begin, TraceContext::of));
        }
    }

    /// Ends the record of a request, at the last time that it was told: counts it, writes its line,
    /// keeps its room.
    pub fn end(&self, mut record: Box<Record>) {
        self.metrics.ended.add(1);
        let spans = record.spans();
        if self.shared.config.metrics == Metrics::ByRoute {
            self.metrics
                .record(record.route(), &record.measured(&spans));
        }
        if let Some(access) = &self.access {
            let last = self.shared.routes.len() - 1;
            let route = record.route().map_or(last, |route| route.min(last));
            access.borrow_mut().write(&Entry {
                asked: &record.asked,
                route: &self.shared.routes[route],
                id: &record.id,
                trace: record.trace.as_ref(),
                status: match record.ending() {
                    Ending::Answered(status) => status.as_u16(),
                    Ending::Gone => CLIENT_GONE,
                    Ending::Cut => CUT,
                },
                bytes: record.bytes(),
                received: record.received,
                ended: record.seen(),
                spans,
            });
        }
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_MAX {
            record.asked.text.clear();
            record.asked.text.shrink_to(SPARE_TEXT_MAX);
            spare.push(record);
        }
    }

    /// Gives the lines that were written to the log.
    #[inline]
    pub fn hand_over(&self) {
        if let Some(access) = &self.access {
            access.borrow_mut().hand_over();
        }
    }

    /// Gives a request what it is called, where its handler asks for that or middleware may.
    pub fn tell(&self, record: &Record, request: &mut Request, handler_asks: bool) {
        if handler_asks || self.answers_ids() || record.trace.is_some() {
            request.extensions_mut().insert(record.id.clone());
            if let Some(trace) = &record.trace {
                request.extensions_mut().insert(trace.clone());
            }
        }
    }

    /// Adds to a failure what its request is called, where that can be looked up.
    #[inline]
    pub fn identify_failure(&self, record: &Record, response: &mut Response) {
        let is_failure = response.status() == StatusCode::INTERNAL_SERVER_ERROR;
        if !is_failure || !(self.access.is_some() || self.answers_ids()) {
            return;
        }
        if let Some(problem) = response.extensions().get::<Problem>() {
            *response = problem
                .clone()
                .with_request_id(record.id.clone())
                .into_response();
        }
    }

    /// Notes an answer, and adds the fields that it is to have.
    #[inline]
    pub fn answer(&self, record: &mut Record, response: &mut Response, now: Instant) {
        record.answer(response.status(), now);
        if self.answers_ids() {
            let fields = response.headers_mut();
            fields.insert(X_REQUEST_ID, (&record.id).into());
        }
        let timing = self.shared.config.server_timing;
        if timing == ServerTiming::Always || server_timing::is_marked(response) {
            server_timing::tell(record, response);
        }
    }

    /// Whether answers have their request's id.
    fn answers_ids(&self) -> bool {
        self.shared.config.request_ids != RequestIds::Internal
    }
}

impl Config {
    /// With nothing to be observed.
    fn unobserved() -> Config {
        Config {
            metrics: Metrics::Off,
            ..Config::default()
        }
    }
}
