//! `Bodies`: how many bytes of request bodies are held in memory for handlers, over all workers, and
//! how many may be. Must not know whose they are.
//!
//! What counts is the memory, from the first byte that has come until nobody has the body any more:
//! while it is collected, while its request waits, and as long as its handler keeps it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::shed::{Shed, ShedReason, Stage};
use crate::handler::Priority;
use crate::message::Bytes;

/// What is set aside with the first byte of a body, if it is to be as long: one full read.
const FIRST_RESERVE: usize = 64 << 10;

/// The bodies of all requests. Clones share them.
#[derive(Debug, Clone)]
pub struct Bodies {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The most bytes.
    limit: u64,
    /// Those that are held.
    held: AtomicU64,
}

/// How much memory bodies have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BodyStats {
    /// How many bytes they may have.
    pub limit: u64,
    /// How many they have.
    pub held: u64,
}

/// A body that is being collected, or was; dropping it gives its memory back.
#[derive(Debug)]
pub struct HeldBody {
    bodies: Bodies,
    priority: Priority,
    /// How long it can get.
    longest: u64,
    /// What has come.
    bytes: Vec<u8>,
    /// The bytes that are counted: all that the vector has set aside.
    counted: u64,
}

impl Bodies {
    /// At most `limit` bytes.
    pub fn new(limit: u64) -> Self {
        let held = AtomicU64::new(0);
        Bodies {
            shared: Arc::new(Shared { limit, held }),
        }
    }

    /// How many bytes they have, and may have.
    pub fn stats(&self) -> BodyStats {
        BodyStats {
            limit: self.shared.limit,
            held: self.shared.held.load(Ordering::Relaxed),
        }
    }

    /// Why a body of at least this many bytes cannot be held now, if it cannot. What is critical
    /// depends on nobody else's load.
    pub(super) fn refusal(&self, least: u64, priority: Priority) -> Option<Shed> {
        let BodyStats { limit, held } = self.stats();
        let has_room = priority == Priority::Critical || held.saturating_add(least) <= limit;
        (!has_room).then_some(FULL)
    }

    /// Memory for a body of at most `longest` bytes; none before its first byte.
    pub fn begin(&self, longest: u64, priority: Priority) -> HeldBody {
        HeldBody {
            bodies: self.clone(),
            priority,
            longest,
            bytes: Vec::new(),
            counted: 0,
        }
    }

    fn take(&self, bytes: u64, priority: Priority) -> Result<(), Shed> {
        let held = &self.shared.held;
        let before = held.fetch_add(bytes, Ordering::Relaxed);
        if priority == Priority::Critical || before.saturating_add(bytes) <= self.shared.limit {
            return Ok(());
        }
        held.fetch_sub(bytes, Ordering::Relaxed);
        Err(FULL)
    }
}

const FULL: Shed = Shed {
    stage: Stage::Bodies,
    reason: ShedReason::Full,
};

impl HeldBody {
    /// Adds what has come.
    ///
    /// # Errors
    /// When there is no memory for it; nothing is added then.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), Shed> {
        let length = self.bytes.len() + piece.len();
        let capacity = self.bytes.capacity();
        if length > capacity {
            // Doubled, so that a body is copied a few times and not once for each piece.
            let ahead = capacity.saturating_mul(2).max(FIRST_RESERVE) as u64;
            let wanted = ahead.min(self.longest).max(length as u64);
            self.bodies.take(wanted - capacity as u64, self.priority)?;
            self.counted = wanted;
            self.bytes.reserve_exact(wanted as usize - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// The whole of it, which counts until the last of who shares it has dropped it.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for HeldBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for HeldBody {
    fn drop(&mut self) {
        let held = &self.bodies.shared.held;
        held.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_counts_until_the_last_has_dropped_it() {
        let bodies = Bodies::new(100_000);
        let held = || bodies.stats().held;
        let mut body = bodies.begin(10, Priority::Normal);
        assert_eq!(held(), 0, "nothing has come");
        for piece in ["abc", "defg", "hij"] {
            body.append(piece.as_bytes()).expect("there is room");
            assert_eq!(held(), 10, "no more than it can get");
        }
        let bytes = body.into_bytes();
        let part = bytes.slice(2..4);
        assert_eq!((&bytes[..], &part[..]), (&b"abcdefghij"[..], &b"cd"[..]));
        drop(bytes);
        assert_eq!(held(), 10);
        drop(part);
        assert_eq!(held(), 0);
    }

    #[test]
    fn beyond_the_limit_nothing_is_taken_but_what_is_critical() {
        let bodies = Bodies::new(100);
        let piece = [b'x'; 60];
        let mut first = bodies.begin(60, Priority::Normal);
        assert_eq!(first.append(&piece), Ok(()));
        let mut second = bodies.begin(60, Priority::Normal);
        assert_eq!(second.append(&piece), Err(FULL));
        assert_eq!(bodies.stats().held, 60);
        assert_eq!(bodies.refusal(40, Priority::Normal), None);
        assert_eq!(bodies.refusal(41, Priority::Normal), Some(FULL));
        assert_eq!(bodies.refusal(41, Priority::Critical), None);
        let mut critical = bodies.begin(60, Priority::Critical);
        assert_eq!(critical.append(&piece), Ok(()));
        drop((first, second, critical));
        assert_eq!(bodies.stats().held, 0);
    }
}
