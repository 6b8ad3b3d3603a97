//! `/-/dashboard`: one page that draws the snapshots of `/-/events`. It asks nobody else for
//! anything, and may not.

use http::HeaderValue;

use super::health::uncached;
use crate::message::{Response, StatusCode, header};

/// The page, with its style and its script within.
const PAGE: &str = include_str!("dashboard.html");

/// What the page may do (CSP level 3): use its own style and script, known by their SHA-256, and
/// ask this server. A test compares the digests with the page.
const POLICY: &str = "default-src 'none'; \
    style-src 'sha256-Bvd9cqkKwv/EKcyf/O2Y+ZjHyZWyIXrjO2emtVa6g4M='; \
    script-src 'sha256-BeuDmml0Uo2jfs2YC80tJs9d0tqESA/coPMSZB+3eMQ='; \
    img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The page.
pub(super) fn page() -> Response {
    let response = Response::ok("text/html; charset=utf-8", PAGE);
    let fields = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let add = |response: Response, (name, value)| {
        response.with_header(name, HeaderValue::from_static(value))
    };
    uncached(fields.into_iter().fold(response, add))
}

/// From the address alone to the page.
pub(super) fn lead() -> Response {
    Response::new(StatusCode::SEE_OTHER)
        .with_header(header::LOCATION, HeaderValue::from_static("/-/dashboard"))
}
