//! Who gets in: a connection is served, when its peer may have one more and its worker has room for
//! it, or can make some; else it is told that there is none, whatever it asks for.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use super::connection::Driver;
use super::worker::{SeatKind, Worker};
use crate::net::{Accepted, AnySocket, Socket, Transport};
use crate::scheduler::PeerPlace;

/// What a connection beyond the budget is told: no more than fits a fresh socket's buffer, and no
/// parsing.
const OVER_BUDGET: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\n\
    content-length: 125\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\r\n\
    {\"detail\":\"as many connections are open as the server takes\",\"status\":503,\
    \"title\":\"Service Unavailable\",\"type\":\"about:blank\"}";

/// A connection that gets in.
pub(crate) struct Admitted {
    peer: Option<SocketAddr>,
    /// Its place among those of its peer, where they are limited.
    place: Option<PeerPlace>,
}

/// A connection that does not: its peer has as many as it may, or its worker does and cannot make
/// room. It is counted.
pub(crate) struct Full;

/// Serves a connection on this worker, or refuses it for want of room.
pub(super) fn serve(worker: &Rc<Worker>, accepted: Accepted<AnySocket>) {
    let Ok(admitted) = admit(worker, accepted.peer.as_tcp()) else {
        return refuse(&accepted.socket);
    };
    match accepted.attach(&worker.reactor) {
        Ok(stream) => enter(worker, stream, admitted),
        Err(error) => log::error!("a connection could not be watched: {error}"),
    }
}

/// Decides on a connection. The peer's own limit comes first: nobody makes room for one who is
/// refused all the same.
///
/// # Errors
/// When there is no room.
pub(crate) fn admit(worker: &Worker, peer: Option<SocketAddr>) -> Result<Admitted, Full> {
    let place = match (worker.service.scheduler().shared().peers(), peer) {
        (Some(peers), Some(peer)) => {
            let Some(place) = peers.try_enter(peer.ip()) else {
                worker.counters.refused_peers.add(1);
                return Err(Full);
            };
            Some(place)
        }
        _ => None,
    };
    if !worker.makes_room() {
        worker.counters.refused.add(1);
        return Err(Full);
    }
    Ok(Admitted { peer, place })
}

/// Serves the stream of a connection that was admitted.
pub(crate) fn enter<T>(worker: &Rc<Worker>, stream: T, admitted: Admitted)
where
    T: Transport + Unpin + 'static,
{
    let Admitted { peer, place } = admitted;
    let driver = Driver::new(stream, peer, worker.sit(SeatKind::Connection));
    worker.reactor.spawn_detached(match place {
        None => Box::pin(driver),
        Some(place) => Box::pin(async move {
            driver.await;
            drop(place);
        }),
    });
}

/// Says no, cheaply: one read so that the close does not reset what is written, one write.
pub(super) fn refuse(socket: &AnySocket) {
    let mut scratch = [0; 4 << 10];
    let answered: io::Result<usize> = socket
        .recv(&mut scratch)
        .or(Ok(0))
        .and_then(|_| socket.send(OVER_BUDGET));
    if let Err(error) = answered {
        log::debug!("a refused connection was gone already: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_says_its_own_length() {
        let text = std::str::from_utf8(OVER_BUDGET).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
