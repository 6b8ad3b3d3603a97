//! What a 3xx answer makes of a request (RFC 9110, section 15.4). Must not send anything.

use bytes::Bytes;
use http::{Method, StatusCode, header};

use super::error::{Error, Kind};
use super::request::ClientRequest;
use crate::message::Response;

/// The request that follows `request` after `response`; `None` when the answer is final.
///
/// # Errors
/// When the Location is no URL that the client speaks, or would have it repeat in the clear what
/// it was asked for over TLS.
pub(super) fn follow(
    request: &ClientRequest,
    response: &Response,
) -> Result<Option<ClientRequest>, Error> {
    let rewritten = match response.status() {
        // What all clients do, and RFC 9110 allows: only POST becomes GET.
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => request.method == Method::POST,
        StatusCode::SEE_OTHER => request.method != Method::HEAD,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
        _ => return Ok(None),
    };
    let Some(location) = response.headers().get(header::LOCATION) else {
        return Ok(None);
    };
    let location = location.to_str().map_err(|_| Kind::Location(None))?;
    let url = request.url.join(location);
    let url = url.map_err(|error| Kind::Location(Some(error)))?;
    if request.url.is_secure() && !url.is_secure() {
        return Err(Kind::Downgrade.into());
    }
    let mut next = request.clone();
    if url.origin() != request.url.origin() {
        // Secrets are for whom they were given to.
        for name in [
            header::AUTHORIZATION,
            header::COOKIE,
            header::PROXY_AUTHORIZATION,
        ] {
            next.headers.remove(name);
        }
    }
    next.url = url;
    if rewritten {
        next.method = Method::GET;
        next.body = Bytes::new();
        for name in [
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            header::CONTENT_LANGUAGE,
        ] {
            next.headers.remove(name);
        }
    }
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn followed(method: Method, status: u16, location: &'static str) -> Option<ClientRequest> {
        let request = ClientRequest::new(method, "http://a/b/c".parse().unwrap())
            .with_header(header::AUTHORIZATION, HeaderValue::from_static("secret"))
            .with_body("text/plain", "hello");
        let response = Response::new(StatusCode::from_u16(status).unwrap())
            .with_header(header::LOCATION, HeaderValue::from_static(location));
        follow(&request, &response).unwrap()
    }

    #[track_caller]
    fn check(method: Method, status: u16, expected: &(Method, usize)) {
        let next = followed(method, status, "d").unwrap();
        assert_eq!(next.url.to_string(), "http://a/b/d");
        assert_eq!(&(next.method, next.body.len()), expected, "{status}");
    }

    #[test]
    fn methods_and_bodies() {
        check(Method::POST, 301, &(Method::GET, 0));
        check(Method::POST, 302, &(Method::GET, 0));
        check(Method::PUT, 302, &(Method::PUT, 5));
        check(Method::PUT, 303, &(Method::GET, 0));
        check(Method::HEAD, 303, &(Method::HEAD, 5));
        check(Method::POST, 307, &(Method::POST, 5));
        check(Method::POST, 308, &(Method::POST, 5));
        assert!(followed(Method::GET, 304, "d").is_none());
        assert!(followed(Method::GET, 200, "d").is_none());
    }

    #[test]
    fn secrets_stay_with_their_host() {
        let same = followed(Method::GET, 302, "/x").unwrap();
        assert!(same.headers.contains_key(header::AUTHORIZATION));
        let other = followed(Method::GET, 302, "http://a:81/x").unwrap();
        assert!(!other.headers.contains_key(header::AUTHORIZATION));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn what_is_asked_for_over_tls_stays_there() {
        let check = |location: &'static str, expected: bool| {
            let request = ClientRequest::new(Method::GET, "https://a/b".parse().unwrap());
            let location = HeaderValue::from_static(location);
            let response = Response::new(StatusCode::FOUND).with_header(header::LOCATION, location);
            let is_followed = follow(&request, &response).is_ok_and(|next| next.is_some());
            assert_eq!(is_followed, expected);
        };
        check("https://c/", true);
        check("//c/", true);
        check("/c", true);
        check("http://a/b", false);
        check("HTTP://a:443/b", false);
    }

    #[test]
    fn what_leads_nowhere_is_an_error() {
        let request = ClientRequest::new(Method::GET, "http://a/".parse().unwrap());
        let location = HeaderValue::from_static("ftp://a/");
        let response = Response::new(StatusCode::FOUND).with_header(header::LOCATION, location);
        assert!(follow(&request, &response).unwrap_err().is_redirect());
        let bare = Response::new(StatusCode::FOUND);
        assert!(follow(&request, &bare).unwrap().is_none());
    }
}
