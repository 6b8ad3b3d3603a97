//! `Guard`: whom a client may ask; and which addresses are the Internet's. Must not resolve names:
//! it judges what others found.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::url::Url;

/// Decides whom a [`Client`](super::Client) may ask.
///
/// An application that fetches what its clients name needs one: else they reach, through it, what
/// only it can reach (the services beside it, its networks, its cloud's metadata). The client asks
/// for the URL of each request and for that of every redirect, and then, before it connects, for
/// every address that the host's name stands for; what was judged is what is connected to, without
/// a second lookup in between.
///
/// ```
/// use std::net::SocketAddr;
/// use container::client::{Client, Guard, Url, is_public};
///
/// /// One host of the Internet, wherever its redirects lead to.
/// struct ExampleOnly;
///
/// impl Guard for ExampleOnly {
///     fn permits(&self, url: &Url) -> bool {
///         url.host() == "example.com"
///     }
///     fn permits_address(&self, _: &Url, address: SocketAddr) -> bool {
///         is_public(address.ip())
///     }
/// }
///
/// let client = Client::builder().guard(ExampleOnly).build();
/// ```
pub trait Guard: Send + Sync + 'static {
    /// Whether `url` may be asked for, as far as can be told before its name is looked up.
    fn permits(&self, url: &Url) -> bool;

    /// Whether a connection to `address`, which the host of `url` stands for, may be made. It is
    /// kept for other URLs of the same origin, so path and query should not matter.
    fn permits_address(&self, url: &Url, address: SocketAddr) -> bool;
}

/// Permits what [`is_public`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicOnly;

impl Guard for PublicOnly {
    fn permits(&self, _: &Url) -> bool {
        true
    }

    fn permits_address(&self, _: &Url, address: SocketAddr) -> bool {
        is_public(address.ip())
    }
}

/// Addresses of version 4 that are not the Internet's, with the length of their prefix: what
/// IANA's registry of special-purpose addresses has as not globally reachable, and then some.
#[rustfmt::skip]
const SPECIAL_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),       // this network; Linux takes 0.0.0.0 for this machine
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // between a carrier and its customers; metadata of one cloud
    ([127, 0, 0, 0], 8),     // this machine
    ([168, 63, 129, 16], 32), // metadata of one cloud, of all places
    ([169, 254, 0, 0], 16),  // this link; metadata of most clouds
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocols; metadata of one cloud
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 88, 99, 0], 24),  // relays of a tunnel that is no more
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 3),     // multicast, reserved, broadcast
];

/// The same of version 6, within 2000::/3; nothing outside of that is the Internet's.
#[rustfmt::skip]
const SPECIAL_V6: &[([u16; 2], u32)] = &[
    ([0x2001, 0x0000], 23),  // protocols, such as Teredo's tunnels
    ([0x2001, 0x0db8], 32),  // documentation
    ([0x2002, 0x0000], 16),  // tunnels to an address of version 4
    ([0x3fff, 0x0000], 20),  // documentation
];

/// Whether an address is one of the Internet, and not this machine's, its link's, a private
/// network's, a multicast group's, a cloud's metadata service's, reserved, or for documentation.
/// One of version 6 that stands for one of version 4 is what that is.
///
/// ```
/// use container::client::is_public;
///
/// assert!(is_public([1, 1, 1, 1].into()));
/// assert!(!is_public([169, 254, 169, 254].into()));
/// assert!(!is_public("::ffff:127.0.0.1".parse().unwrap()));
/// ```
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|(base, length)| {
        let base = u32::from(Ipv4Addr::from(*base));
        (u32::from(address) ^ base) >> (32 - length) == 0
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // What a network of version 6 alone calls the hosts of the other one (RFC 6052).
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
        return is_public_v4((u32::from(high) << 16 | u32::from(low)).into());
    }
    let begin = (u128::from(address) >> 96) as u32;
    let is_global = begin >> 29 == 0b001;
    is_global
        && !SPECIAL_V6.iter().any(|([high, low], length)| {
            let base = u32::from(*high) << 16 | u32::from(*low);
            (begin ^ base) >> (32 - length) == 0
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: bool, addresses: &[&str]) {
        for address in addresses {
            let parsed = address.parse().expect("an address");
            assert_eq!(is_public(parsed), expected, "{address}");
        }
    }

    #[test]
    fn the_internet() {
        check(true, &["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0"]);
        check(true, &["100.63.255.255", "100.128.0.0", "126.255.255.255"]);
        check(true, &["128.0.0.1", "169.253.1.1", "169.255.0.0"]);
        check(true, &["172.15.255.255", "172.32.0.0", "192.0.1.0"]);
        check(true, &["192.167.255.255", "192.169.0.0", "223.255.255.255"]);
        check(true, &["168.63.129.15", "168.63.129.17", "198.20.0.0"]);
        check(true, &["2606:4700::1111", "2a00:1450::1", "2001:200::1"]);
        check(true, &["::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]);
    }

    #[test]
    fn this_machine_and_its_networks() {
        check(
            false,
            &["127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3"],
        );
        check(false, &["10.0.0.1", "172.16.0.1", "172.31.255.255"]);
        check(false, &["192.168.0.1", "169.254.1.1", "100.64.0.1"]);
        check(false, &["100.127.255.255", "198.18.0.1", "198.19.255.255"]);
        check(
            false,
            &["::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd12::1"],
        );
    }

    #[test]
    fn metadata_services() {
        check(
            false,
            &["169.254.169.254", "169.254.170.2", "fd00:ec2::254"],
        );
        check(false, &["100.100.100.200", "192.0.0.192", "168.63.129.16"]);
    }

    #[test]
    fn groups_and_what_nobody_has() {
        check(
            false,
            &["224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255"],
        );
        check(false, &["192.0.2.1", "198.51.100.1", "203.0.113.1"]);
        check(false, &["ff02::1", "2001:db8::1", "3fff::1", "4000::1"]);
    }

    #[test]
    fn one_version_in_the_other() {
        check(
            false,
            &["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0.0.0.0"],
        );
        check(false, &["::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1"]);
        check(false, &["2002:7f00:1::", "2001:0:1::1", "2002:101:101::"]);
    }
}
