//! Outgoing HTTP.

mod url;

pub use url::{Url, UrlError};
