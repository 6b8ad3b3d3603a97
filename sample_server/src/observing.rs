//! The flags for what is seen of the server from outside.

use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use container::net::BindAddress;
use container::observe::{Format, Metrics, RequestIds, ServerTiming, Traces};
use container::server::Handle;
use container::{Config, Container, Error, admin};

use crate::process::Sockets;

/// How long those who watch are waited for at the end: they have seen it.
const DRAIN: Duration = Duration::from_secs(1);

/// Connections of those who watch: some people and collectors, who must not take the descriptors of
/// those who are served. Open dashboards take no more than half of them: `/-/events` sees to that.
const WATCHERS: usize = 64;

/// Log lines, ids, and the address for those who watch.
#[derive(Debug, Args)]
#[command(next_help_heading = "Observation")]
pub(crate) struct ObserveArgs {
    /// What lines of the log look like: short, combined (as Apache's) or json
    #[arg(long, env, value_name = "FORMAT", default_value = "short", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(["short", "combined", "json"]).map(format))]
    pub(crate) log_format: Format,

    /// Count by route, and serve /-/dashboard, /-/metrics and /-/stats here: HOST:PORT or unix:PATH;
    /// whoever gets there may read them
    #[arg(long, env, value_name = "ADDRESS")]
    pub(crate) admin: Option<String>,

    /// Who sees the ids of requests: internal (the log), answered (clients too), accepted (clients
    /// may choose them)
    #[arg(long, env, value_name = "WHO", default_value = "internal", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(["internal", "answered", "accepted"]).map(ids))]
    request_ids: RequestIds,

    /// Give each request a place in its caller's trace, log it, and hand it on to whom a request
    /// asks in its turn (W3C Trace Context)
    #[arg(long, env)]
    traces: bool,

    /// Have each answer say how long it took (Server-Timing)
    #[arg(long, env)]
    server_timing: bool,
}

impl ObserveArgs {
    /// Takes them over.
    pub(crate) fn apply(&self, config: &mut Config) {
        // Nobody else reads what is counted by route, and each request would pay for it.
        config.observe.metrics = match self.admin {
            Some(_) => Metrics::ByRoute,
            None => Metrics::Off,
        };
        config.observe.request_ids = self.request_ids;
        if self.traces {
            config.observe.traces = Traces::Carried;
        }
        if self.server_timing {
            config.observe.server_timing = ServerTiming::Always;
        }
    }

    /// Whether this is the address for those who watch, as an error names it.
    pub(crate) fn is_at(&self, address: &str) -> bool {
        let own = self.admin.as_ref().map(|own| own.parse::<BindAddress>());
        matches!(own, Some(Ok(own)) if own.to_string() == address)
    }

    /// Prepares a container of its own for those who watch this one, where one is asked for: they are
    /// served however busy this one is, and see its drain up to the end.
    pub(crate) fn watch(
        &self,
        watched: &Handle,
        inherited: &mut Sockets,
    ) -> Result<Watching, Error> {
        let Some(address) = &self.admin else {
            return Ok(Watching(None));
        };
        let builder = Container::builder()
            .workers(1)
            .connections(WATCHERS)
            .drain_timeout(DRAIN);
        let builder = inherited.serve(builder, |builder| builder.bind(address));
        let container = builder.prepare(admin::routes(watched.clone()))?;
        Ok(Watching(Some(container)))
    }
}

/// The container for those who watch, where there is one.
pub(crate) struct Watching(Option<Container>);

impl Watching {
    /// The container.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.0.as_ref().map(Container::handle)
    }

    /// Has it serve.
    pub(crate) fn open(&self) {
        self.0.iter().for_each(Container::open);
    }

    /// Ends it: what it told of has ended.
    pub(crate) fn end(self) {
        if let Some(container) = self.0 {
            container.handle().stop();
            container.wait();
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map` calls")]
fn format(name: String) -> Format {
    name.parse().expect("the names are those of the formats")
}

#[expect(clippy::needless_pass_by_value, reason = "what `map` calls")]
fn ids(name: String) -> RequestIds {
    match name.as_str() {
        "answered" => RequestIds::Answered,
        "accepted" => RequestIds::Accepted,
        _ => RequestIds::Internal,
    }
}
