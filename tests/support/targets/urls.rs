//! URLs that strangers have the client ask for, and hosts that it may ask: what is taken is taken
//! in one way.

use container::client::{Url, is_public};
use handlers::fan_out::AllowList;

/// The first line is a URL, the second a reference, the third a list of hosts.
pub(super) fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.splitn(3, '\n');
    let [url, reference, hosts] = [(); 3].map(|()| lines.next().unwrap_or_default());
    if let Ok(url) = url.parse() {
        check(&url);
        if let Ok(joined) = url.join(reference) {
            check(&joined);
        }
    }
    if let Ok(list) = hosts.parse::<AllowList>() {
        let again = list.to_string().parse();
        assert_eq!(again.as_ref(), Ok(&list), "{hosts:?}");
    }
}

/// A URL says the same when it is read again, and nothing in it ends a line of a request.
fn check(url: &Url) {
    let shown = url.to_string();
    assert_eq!(shown.parse().as_ref(), Ok(url), "{shown:?}");
    assert!(
        shown.bytes().all(|byte| byte.is_ascii_graphic()),
        "{shown:?}"
    );
    let host = url.host();
    assert!(
        !host.is_empty() && !host.contains(['@', '/', '\\', '%']),
        "{shown:?}"
    );
    assert_eq!(host, host.to_ascii_lowercase(), "{shown:?}");
    assert!(url.target().starts_with('/') && url.port() > 0, "{shown:?}");
    if let Ok(address) = host.parse::<std::net::IpAddr>() {
        let same = is_public(address.to_canonical());
        assert_eq!(is_public(address), same, "{shown:?}");
    }
}
