//! `client compare`: the same requests one after another and all at the same time.
//!
//! Ten salespeople are picked by name; for each, the user of that name is looked up, and then the
//! customers of that user. Both ways must come to the same result.

use std::time::{Duration, Instant};

use container::client::{self, Client, ClientRequest, Url};
use container::message::Method;
use container::reactor::{self, Clock, Reactor};
use serde::Serialize;
use serde_json::Value;

use crate::args::CompareArgs;
use crate::random::Random;
use crate::{CommandError, Outcome, output};

/// How many names are picked, the same ones perhaps several times.
const PICKS: usize = 10;

/// Whose customers are asked for.
const ROLE: &str = "sales";

/// The customers of each picked name, in the order of the picks.
type Customers = Vec<Value>;

/// What is said of a comparison.
#[derive(Debug, Serialize)]
struct Report {
    names: Vec<String>,
    seed: u64,
    synchronous_seconds: f64,
    asynchronous_seconds: f64,
    identical: bool,
}

/// Asks one server; clones share its connections.
#[derive(Clone)]
struct Api {
    client: Client,
    base: Url,
}

/// Runs the comparison and prints both times.
pub(crate) fn run(arguments: &CompareArgs) -> Result<Outcome, CommandError> {
    let reactor = Reactor::new(Clock::real())?;
    let report = reactor.block_on(compare(arguments))??;
    output::print(&if arguments.json {
        output::json(&report)
    } else {
        report.to_text()
    })?;
    Ok(if report.identical {
        Outcome::AllSucceeded
    } else {
        Outcome::SomeFailed
    })
}

async fn compare(arguments: &CompareArgs) -> Result<Report, CommandError> {
    let api = Api {
        client: Client::builder().request_timeout(arguments.timeout).build(),
        base: arguments.url.clone(),
    };
    let salespeople = api.list("users", "role", ROLE).await?;
    let known: Vec<String> = salespeople
        .iter()
        .filter_map(|user| Some(user.get("name")?.as_str()?.to_owned()))
        .collect();
    let seed = arguments.seed.unwrap_or_else(Random::fresh_seed);
    let mut random = Random::seeded(seed);
    let names: Vec<String> = (0..PICKS)
        .filter_map(|_| random.pick(&known).cloned())
        .collect();
    if names.is_empty() {
        let message = format!("the server knows no user with the role {ROLE}");
        return Err(CommandError::Failed(message));
    }
    let (one_by_one, synchronous) = timed(one_after_another(&api, &names)).await?;
    let (at_once, asynchronous) = timed(all_at_once(&api, &names)).await?;
    Ok(Report {
        names,
        seed,
        synchronous_seconds: synchronous.as_secs_f64(),
        asynchronous_seconds: asynchronous.as_secs_f64(),
        identical: one_by_one == at_once,
    })
}

async fn timed(
    work: impl Future<Output = Result<Customers, CommandError>>,
) -> Result<(Customers, Duration), CommandError> {
    let start = Instant::now();
    let result = work.await?;
    Ok((result, start.elapsed()))
}

async fn one_after_another(api: &Api, names: &[String]) -> Result<Customers, CommandError> {
    let mut customers = vec![];
    for name in names {
        customers.push(api.customers_of(name).await?);
    }
    Ok(customers)
}

async fn all_at_once(api: &Api, names: &[String]) -> Result<Customers, CommandError> {
    let spawn = |name: &String| {
        let (api, name) = (api.clone(), name.clone());
        reactor::spawn_local(async move { api.customers_of(&name).await })
    };
    let tasks: Vec<_> = names.iter().map(spawn).collect();
    let mut customers = vec![];
    for task in tasks {
        let result = task.await;
        customers.push(result.map_err(|error| CommandError::Failed(error.to_string()))??);
    }
    Ok(customers)
}

impl Api {
    /// The customers of the first user found by `name`.
    async fn customers_of(&self, name: &str) -> Result<Value, CommandError> {
        let users = self.list("users", "name", name).await?;
        let first = users
            .first()
            .ok_or_else(|| CommandError::Failed(format!("there is no user named {name}")))?;
        let id = match first.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => return Err(CommandError::Failed(format!("user {name} has no id"))),
        };
        let customers = self.list("customers", "salesId", &id).await?;
        if customers.is_empty() {
            let message = format!("user {name} (ID {id}) has no customers");
            return Err(CommandError::Failed(message));
        }
        Ok(Value::Array(customers))
    }

    /// `GET /path?name=value`, whose answer must be a JSON array.
    async fn list(&self, path: &str, name: &str, value: &str) -> Result<Vec<Value>, CommandError> {
        let prefix = self.base.target().trim_end_matches('/');
        let url = self
            .base
            .with_query(&format!("{prefix}/{path}"), &[(name, value)])
            .map_err(|error| CommandError::Usage(error.to_string()))?;
        let failed = |reason: &str| CommandError::Failed(format!("GET {url}: {reason}"));
        let response = self
            .client
            .request(ClientRequest::new(Method::GET, url.clone()))
            .await
            .map_err(|error| failed(&explain(&error)))?;
        if !response.status().is_success() {
            return Err(failed(&response.status().to_string()));
        }
        let limit = self.client.bounds().response_body;
        let body = response.into_body().bytes(limit).await;
        let body = body.map_err(|error| failed(&error.to_string()))?;
        serde_json::from_slice(&body).map_err(|error| failed(&format!("no JSON array: {error}")))
    }
}

/// An error and what caused it.
fn explain(error: &client::Error) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

impl Report {
    fn to_text(&self) -> String {
        let verdict = if self.identical {
            "The results are identical."
        } else {
            "The results DIFFER."
        };
        format!(
            "Names: {} (seed {})\nSynchronous: {:.3} s\nAsynchronous: {:.3} s\n{verdict}\n",
            self.names.join(", "),
            self.seed,
            self.synchronous_seconds,
            self.asynchronous_seconds,
        )
    }
}
