//! How many connections each peer has, over all workers, and how many it may have.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connections of all peers. Clones share them.
#[derive(Debug, Clone)]
pub struct Peers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The most of one peer.
    limit: usize,
    /// Those that have any.
    connections: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place among those of its peer; dropping it gives it back.
#[derive(Debug)]
pub struct PeerPlace {
    peers: Peers,
    peer: IpAddr,
}

/// Bits of an IPv6 address that are the peer's to choose: who has one has a network of them.
const IPV6_HOST_BITS: u32 = 64;

impl Peers {
    /// At most `limit` connections of each peer.
    pub fn new(limit: usize) -> Self {
        let connections = Mutex::default();
        Peers {
            shared: Arc::new(Shared { limit, connections }),
        }
    }

    /// A place for a connection from this address; `None` when its peer has as many as it may.
    pub fn try_enter(&self, address: IpAddr) -> Option<PeerPlace> {
        let peer = peer(address);
        let mut connections = self.lock();
        let count = connections.entry(peer).or_default();
        // A limit is at least 1, so no entry of 0 is left behind.
        if *count >= self.shared.limit {
            return None;
        }
        *count += 1;
        Some(PeerPlace {
            peers: self.clone(),
            peer,
        })
    }

    /// Peers that have connections.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        let connections = self.shared.connections.lock();
        connections.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        let mut connections = self.peers.lock();
        if let Some(count) = connections.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                connections.remove(&self.peer);
            }
        }
    }
}

/// Whose address it is: an IPv4 address, or an IPv6 network.
fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() >> IPV6_HOST_BITS << IPV6_HOST_BITS;
            IpAddr::V6(network.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_as_many_as_it_may() {
        let peers = Peers::new(2);
        let enter = |address: &str| peers.try_enter(address.parse().unwrap());
        let first = enter("192.0.2.1");
        let second = enter("::ffff:192.0.2.1");
        assert!(first.is_some() && second.is_some());
        assert!(enter("192.0.2.1").is_none());
        let network = [enter("2001:db8::1"), enter("2001:db8::2")];
        assert!(network.iter().all(Option::is_some));
        assert!(enter("2001:db8::3").is_none());
        assert!(enter("2001:db8:0:1::1").is_some(), "another network");
        drop(first);
        assert!(enter("192.0.2.1").is_some());
        drop((second, network));
        assert_eq!(peers.count(), 0);
    }
}
