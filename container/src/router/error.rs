//! `RouterError`: everything that is wrong with a routing table, told at once.

use std::fmt;

/// What is wrong with a routing table; its `Display` has one line for each fault.
///
/// ```
/// use container::router::Router;
/// let error = Router::new()
///     .get("/a", async || "first")
///     .get("/a", async || "second")
///     .get("b", async || "no slash")
///     .build()
///     .unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "GET /a: there are two routes for it\nGET b: the pattern does not begin with a slash"
/// );
/// ```
#[derive(Debug)]
pub struct RouterError {
    /// At least one.
    faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// A route is there twice; or a fallback.
    Duplicate { route: String },
    /// A pattern that is none.
    Pattern { route: String, reason: PatternFault },
    /// Another pattern matches the same paths: its parameters have other names.
    Conflict { route: String, with: String },
    /// `nest` with something that cannot be put before a pattern.
    Prefix { prefix: String },
    /// An argument of the route's handler takes a state that was not given.
    MissingState { route: String, state: &'static str },
    /// Two routers have the same prefix, and a shape of errors each.
    DuplicateShape { prefix: String },
    /// Two states of one type.
    DuplicateState { state: &'static str },
}

/// Why a pattern is none.
#[derive(Debug, Clone, Copy)]
pub(super) enum PatternFault {
    NoSlash,
    NotOfPath,
    ParameterName,
    RepeatedName,
    TwoParameters,
    CatchAllNotLast,
}

impl RouterError {
    /// The error for these faults, when there are any.
    pub(super) fn check(faults: Vec<Fault>) -> Result<(), RouterError> {
        if faults.is_empty() {
            Ok(())
        } else {
            Err(RouterError { faults })
        }
    }
}

impl fmt::Display for RouterError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            fault.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for RouterError {}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Duplicate { route } => write!(formatter, "{route}: there are two routes for it"),
            Fault::Pattern { route, reason } => write!(formatter, "{route}: {reason}"),
            Fault::Conflict { route, with } => write!(
                formatter,
                "{route}: `{with}` matches the same paths; give the parameters the same names"
            ),
            Fault::Prefix { prefix } => write!(
                formatter,
                "nest {prefix:?}: a prefix begins with a slash, does not end with one, and has no \
                 catch-all; to add routes without a prefix, use `.merge(..)`"
            ),
            Fault::MissingState { route, state } => write!(
                formatter,
                "{route}: its handler takes the state `{state}`; give it with `.state(..)`"
            ),
            Fault::DuplicateShape { prefix } => write!(
                formatter,
                "errors below {prefix}: there are two `.on_error(..)` for them"
            ),
            Fault::DuplicateState { state } => write!(
                formatter,
                "state `{state}`: given twice; a container has one state of each type"
            ),
        }
    }
}

impl fmt::Display for PatternFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            PatternFault::NoSlash => "the pattern does not begin with a slash",
            PatternFault::ParameterName => {
                "a parameter needs a name between its braces: `{name}`, `{*rest}`; a brace itself \
                 is `{{` or `}}`"
            }
            PatternFault::RepeatedName => "two parameters have the same name",
            PatternFault::TwoParameters => "there are two parameters in one segment",
            PatternFault::CatchAllNotLast => "a catch-all parameter must be the last thing",
            PatternFault::NotOfPath => {
                "the pattern has characters that a path cannot have: write them percent-encoded"
            }
        })
    }
}
