//! The same request N times at once. Must not choose whom it goes to.

use std::error::Error as _;
use std::time::Duration;

use container::client::{self, Client, ClientRequest};
use container::{Problem, Response, reactor};

use super::ANSWER_MAX;
use super::allowed::NotAllowed;
use super::report::Report;

/// An answer to one of the requests.
struct Answered {
    status: u16,
    took: Duration,
    /// Bytes of its body.
    length: usize,
}

/// Sends `request` so many times, all at once, and reports. Dropping it drops them all.
///
/// # Errors
/// When it turns out that it may not be sent: the name in its URL stands for another network.
pub(super) async fn page(
    client: &Client,
    request: &ClientRequest,
    count: u32,
) -> Result<Response, Problem> {
    let url = request.url();
    let begun = reactor::clock().now();
    let requests: Vec<_> = (0..count)
        .map(|_| {
            let (client, request) = (client.clone(), request.clone());
            container::spawn_local(async move { ask(&client, request).await }).abort_on_drop()
        })
        .collect();
    let columns = &["Status", "Microseconds", "Bytes"];
    let mut report = Report::new("Requests", url.to_string(), count, columns);
    for request in requests {
        match request.await {
            Ok(Ok(answered)) => report.succeed(vec![
                answered.status.to_string(),
                answered.took.as_micros().to_string(),
                answered.length.to_string(),
            ]),
            Ok(Err(error)) if error.forbidden() == Some(url) => {
                return Err(NotAllowed(url.clone()).into());
            }
            Ok(Err(error)) => report.fail(reason(&error)),
            Err(panicked) => report.fail(panicked.to_string()),
        }
    }
    let took = reactor::clock().now().duration_since(begun);
    Ok(report.page(took))
}

async fn ask(client: &Client, request: ClientRequest) -> Result<Answered, client::Error> {
    let clock = reactor::clock();
    let begun = clock.now();
    let response = client.request(request).await?;
    let took = clock.now().duration_since(begun);
    let status = response.status().as_u16();
    // It is there already, and no longer than that.
    let body = response.into_body().bytes(ANSWER_MAX).await;
    Ok(Answered {
        status,
        took,
        length: body.map_or(0, |body| body.len()),
    })
}

/// An error with what it came from.
fn reason(error: &client::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
