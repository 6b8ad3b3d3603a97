//! What is observed of requests, beside the access log. Plain data.

/// What is observed of requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Config {
    /// Whether outcomes and times are counted by route. Default: they are.
    pub metrics: Metrics,
    /// Who gives requests their ids, and who gets to see them. Default: internal.
    pub request_ids: RequestIds,
    /// Whether requests belong to traces. Default: they do not.
    pub traces: Traces,
    /// Which answers have a `Server-Timing` field. Default: marked ones.
    pub server_timing: ServerTiming,
}

/// Whether outcomes and times are counted by route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metrics {
    /// They are not. Where there is no access log either, requests are not measured at all.
    Off,
    /// They are.
    #[default]
    ByRoute,
}

/// Who gives requests their ids, and who gets to see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestIds {
    /// They are made here, for the log, for handlers that ask, and for the documents of 500
    /// answers.
    #[default]
    Internal,
    /// And each answer has its request's in `X-Request-Id`.
    Answered,
    /// And a request's own `X-Request-Id` is taken over when it is well-formed. Only for servers
    /// whose clients are trusted, such as those behind a proxy: others could choose ids that mean
    /// something else in the log.
    Accepted,
}

/// Whether requests belong to traces (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Traces {
    /// Only where a handler asks for its `TraceContext`.
    #[default]
    Ignored,
    /// Each has a place in its caller's trace, or in a new one. It is in the log, and a handler hands
    /// it on: [`CarriedTrace`](crate::extract::CarriedTrace).
    Carried,
}

/// Which answers have a `Server-Timing` field (W3C Server Timing).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServerTiming {
    /// Those of routes with the layer [`server_timing`](super::server_timing).
    #[default]
    Marked,
    /// All.
    Always,
}
