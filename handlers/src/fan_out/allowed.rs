//! `Allowed`: whom this server asks in its clients' name. Must not ask anybody.

use std::fmt;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use container::client::{Guard, Url, is_public};
use container::net::Address;

/// The one name that stands for this machine wherever it is looked up (RFC 6761, section 6.3).
const LOCALHOST: &str = "localhost";

/// Any port: a route to an address is looked up, and nothing is sent there.
const SOME_PORT: u16 = 9;

/// Hosts that an operator lets be asked: `host:port`, separated by commas; an address of version 6
/// in brackets.
///
/// An address may be asked whatever it is. A name may be asked as far as it stands for addresses of
/// the Internet, or for others that are in the list too: whoever looks after the name does not
/// decide what can be reached from here.
///
/// ```
/// use handlers::fan_out::AllowList;
///
/// let list: AllowList = "example.com:443, 10.0.0.5:80, [fd00::5]:80".parse()?;
/// assert_eq!(list.to_string(), "example.com:443,10.0.0.5:80,[fd00::5]:80");
/// assert!("example.com".parse::<AllowList>().unwrap_err().to_string().contains("HOST:PORT"));
/// # Ok::<(), handlers::fan_out::AllowListError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: Vec<Entry>,
}

/// One host of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Address(SocketAddr),
    /// In lower case, without the root's dot.
    Name(String, u16),
}

/// Why a text is no [`AllowList`]: the part that is no host with a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowListError(String);

/// A URL that may not be asked for.
#[derive(Debug)]
pub(super) struct NotAllowed(pub(super) Url);

/// Whom may be asked: this server itself, and those of a list. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Allowed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    list: AllowList,
    /// Where this server listens; known from its first request on.
    own: OnceLock<Vec<SocketAddr>>,
}

impl Allowed {
    pub(super) fn new(list: AllowList) -> Self {
        let own = OnceLock::new();
        Allowed {
            shared: Arc::new(Shared { list, own }),
        }
    }

    /// Says where this server listens.
    pub(super) fn learn_own(&self, addresses: &[Address]) {
        self.shared
            .own
            .get_or_init(|| addresses.iter().filter_map(Address::as_tcp).collect());
    }

    /// The URL, if it may be asked for, as far as is known without looking its name up.
    pub(super) fn check(&self, url: Url) -> Result<Url, NotAllowed> {
        if self.permits(&url) {
            Ok(url)
        } else {
            Err(NotAllowed(url))
        }
    }

    fn own(&self) -> &[SocketAddr] {
        self.shared.own.get().map_or(&[], Vec::as_slice)
    }

    fn is_own(&self, ip: IpAddr, port: u16) -> bool {
        let own = self.own().iter().filter(|own| own.port() == port);
        own.map(|own| own.ip().to_canonical()).any(|own| {
            if own.is_unspecified() {
                is_served_by(own, ip)
            } else {
                own == ip
            }
        })
    }

    fn is_listed(&self, entry: &Entry) -> bool {
        self.shared.list.entries.contains(entry)
    }
}

impl Guard for Allowed {
    fn permits(&self, url: &Url) -> bool {
        let (name, port) = (name(url.host()), url.port());
        match name.parse::<IpAddr>() {
            Ok(ip) => self.permits_address(url, (ip, port).into()),
            Err(_) => {
                let is_own = name == LOCALHOST && self.own().iter().any(|own| own.port() == port);
                is_own || self.is_listed(&Entry::Name(name.to_owned(), port))
            }
        }
    }

    fn permits_address(&self, url: &Url, address: SocketAddr) -> bool {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let name = name(url.host());
        let may_be_named = is_public(ip) || name == LOCALHOST && ip.is_loopback();
        self.is_own(ip, port)
            || self.is_listed(&Entry::Address((ip, port).into()))
            || may_be_named && self.is_listed(&Entry::Name(name.to_owned(), port))
    }
}

/// A host without the root's dot.
fn name(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// Whether a socket that listens at `any` address gets the connections to `ip`: one of this
/// machine's. A socket of version 6 gets those of version 4 as well.
fn is_served_by(any: IpAddr, ip: IpAddr) -> bool {
    (any.is_ipv6() || ip.is_ipv4()) && is_this_machine(ip)
}

/// Whether an address is one of this machine's: the way to it begins where it ends. That is what
/// the system says of a socket that is connected to it, for which nothing is sent.
fn is_this_machine(ip: IpAddr) -> bool {
    if ip.is_unspecified() || ip.is_multicast() {
        return false;
    }
    let begin = || {
        let socket = UdpSocket::bind(if ip.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
        socket.connect((ip, SOME_PORT))?;
        socket.local_addr()
    };
    ip.is_loopback() || begin().is_ok_and(|begin| begin.ip() == ip)
}

impl FromStr for AllowList {
    type Err = AllowListError;

    fn from_str(text: &str) -> Result<AllowList, AllowListError> {
        let parts = text.split(',').map(str::trim);
        let entries = parts.filter(|part| !part.is_empty()).map(|part| {
            let entry = part.parse::<SocketAddr>().map(Entry::Address);
            let entry = entry.ok().or_else(|| named(part));
            entry.ok_or_else(|| AllowListError(part.to_owned()))
        });
        let entries = entries.collect::<Result<_, _>>()?;
        Ok(AllowList { entries })
    }
}

/// A name with a port: what could be a URL's.
fn named(text: &str) -> Option<Entry> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let url: Url = format!("http://{host}/").parse().ok()?;
    let is_host_alone = url.authority().eq_ignore_ascii_case(host);
    let name = name(url.host());
    // Nothing has a name with an empty label (RFC 1035, section 2.3.1).
    let is_name = name.parse::<IpAddr>().is_err() && name.split('.').all(|label| !label.is_empty());
    (is_host_alone && is_name).then(|| Entry::Name(name.to_owned(), port))
}

impl fmt::Display for AllowList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            match entry {
                Entry::Address(address) => write!(formatter, "{separator}{address}")?,
                Entry::Name(name, port) => write!(formatter, "{separator}{name}:{port}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for AllowListError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` is not HOST:PORT", self.0)
    }
}

impl std::error::Error for AllowListError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whom a server may ask that listens at these addresses and was given this list.
    fn allowed(own: &[&str], list: &str) -> Allowed {
        let own = own.iter().map(|own| Address::Tcp(own.parse().unwrap()));
        let allowed = Allowed::new(list.parse().unwrap());
        allowed.learn_own(&own.collect::<Vec<_>>());
        allowed
    }

    #[track_caller]
    fn check_urls(allowed: &Allowed, expected: bool, urls: &[&str]) {
        for url in urls {
            let parsed = url.parse().expect("a URL");
            assert_eq!(allowed.permits(&parsed), expected, "{url}");
        }
    }

    #[track_caller]
    fn check_address(allowed: &Allowed, expected: bool, url: &str, address: &str) {
        let (url, address) = (url.parse().unwrap(), address.parse().unwrap());
        let permits = allowed.permits_address(&url, address);
        assert_eq!(permits, expected, "{url} at {address}");
    }

    #[test]
    fn itself_and_nobody_else() {
        let allowed = allowed(&["127.0.0.1:8888"], "");
        check_urls(
            &allowed,
            true,
            &[
                "http://127.0.0.1:8888/a?b",
                "http://127.0.0.1.:8888/",
                "http://[::ffff:127.0.0.1]:8888/",
                "http://localhost:8888/",
                "http://LocalHost.:8888/",
            ],
        );
        check_urls(
            &allowed,
            false,
            &[
                "http://127.0.0.1/",
                "http://127.0.0.1:8889/",
                "http://127.0.0.2:8888/",
                "http://[::1]:8888/",
                "http://0.0.0.0:8888/",
                "http://localhost/",
                "http://localhost.example:8888/",
                "http://1.1.1.1:8888/",
                "http://169.254.169.254/",
                // The system's resolver would take these for 127.0.0.1.
                "http://127.1:8888/",
                "http://2130706433:8888/",
                "http://0x7f000001:8888/",
                "http://0177.0.0.1:8888/",
            ],
        );
        check_address(&allowed, true, "http://localhost:8888/", "127.0.0.1:8888");
        check_address(&allowed, false, "http://localhost:8888/", "[::1]:8888");
        check_address(&allowed, false, "http://localhost:8888/", "10.0.0.1:8888");
    }

    #[test]
    fn itself_at_all_addresses() {
        let v4 = allowed(&["0.0.0.0:80"], "");
        check_urls(&v4, true, &["http://127.0.0.1/", "http://127.9.9.9/"]);
        check_urls(&v4, false, &["http://[::1]/", "http://0.0.0.0/"]);
        check_urls(&v4, false, &["http://224.0.0.1/", "http://1.1.1.1/"]);
        check_urls(
            &v4,
            false,
            &["http://169.254.169.254/", "http://127.0.0.1:81/"],
        );
        let v6 = allowed(&["[::]:80"], "");
        check_urls(&v6, true, &["http://127.0.0.1/", "http://[::1]/"]);
        check_urls(&v6, false, &["http://[::]/", "http://[ff02::1]/"]);
    }

    #[test]
    fn names_stand_for_the_internet_and_for_what_is_listed() {
        let list = "Public.Example.:80,localhost:81,10.0.0.5:80,[fd00::5]:80";
        let allowed = allowed(&[], list);
        let named = "http://public.example/";
        check_urls(
            &allowed,
            true,
            &[named, "http://PUBLIC.example./", "http://10.0.0.5/"],
        );
        check_urls(
            &allowed,
            false,
            &["http://public.example:81/", "http://public.example.org/"],
        );
        check_urls(
            &allowed,
            false,
            &["http://10.0.0.5:81/", "http://10.0.0.6/"],
        );
        check_address(&allowed, true, named, "1.1.1.1:80");
        check_address(&allowed, true, named, "10.0.0.5:80");
        check_address(&allowed, true, named, "[::ffff:10.0.0.5]:80");
        check_address(&allowed, true, named, "[fd00::5]:80");
        for private in [
            "127.0.0.1:80",
            "10.0.0.6:80",
            "[::1]:80",
            "169.254.169.254:80",
        ] {
            check_address(&allowed, false, named, private);
        }
        check_address(&allowed, true, "http://localhost:81/", "127.0.0.1:81");
        check_address(&allowed, true, "http://localhost:81/", "[::1]:81");
        check_address(&allowed, false, "http://localhost:81/", "10.0.0.1:81");
    }

    #[test]
    fn nobody_before_it_is_known_who_this_is() {
        let unknown = Allowed::new(AllowList::default());
        check_urls(
            &unknown,
            false,
            &["http://127.0.0.1:8888/", "http://localhost/"],
        );
    }

    #[test]
    fn lists() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let list = text.parse::<AllowList>();
            let shown = list.map(|list| list.to_string());
            let expected = expected.map(str::to_owned);
            let expected = expected.map_err(|part| AllowListError(part.to_owned()));
            assert_eq!(shown, expected, "{text}");
        };
        check("", Ok(""));
        check("a.example:80,", Ok("a.example:80"));
        check("[::1]:80, 1.2.3.4:5", Ok("[::1]:80,1.2.3.4:5"));
        check("a:80,b", Err("b"));
        check("a:0", Err("a:0"));
        check("::1:80", Err("::1:80"));
        check("http://a:80", Err("http://a:80"));
        check("a/b:80", Err("a/b:80"));
        check("me@a:80", Err("me@a:80"));
        check("*:80", Err("*:80"));
        check("a.:80", Ok("a:80"));
        for wrong in [".:80", "a..:80", "a..b:80", ".a:80", "1.2.3.4.:80"] {
            check(wrong, Err(wrong));
        }
    }
}
