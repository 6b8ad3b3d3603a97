//! The life of a container: a phase that everybody can see, and that only goes forward.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Where a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Listeners are being opened and start-up hooks run.
    Starting,
    /// It serves.
    Running,
    /// It takes no new connections; requests that were accepted are finished.
    Draining,
    /// It cuts what is left.
    Closing,
    /// Nothing is left.
    Drained,
}

/// A container's phase, shared by its workers and handles.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// The phase's place in [`PHASES`].
    phase: Arc<AtomicU8>,
}

/// All phases in their order.
const PHASES: [Phase; 5] = [
    Phase::Starting,
    Phase::Running,
    Phase::Draining,
    Phase::Closing,
    Phase::Drained,
];

impl Lifecycle {
    /// A container that is starting.
    pub fn new() -> Self {
        Lifecycle::default()
    }

    /// The phase.
    pub fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Ordering::Acquire))]
    }

    /// Goes on to `phase`; stays where it is when that lies behind. Says whether it moved.
    pub fn advance(&self, phase: Phase) -> bool {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel) < phase as u8
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Phase::Starting => "starting",
            Phase::Running => "running",
            Phase::Draining => "draining",
            Phase::Closing => "closing",
            Phase::Drained => "drained",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_goes_forward() {
        let life = Lifecycle::new();
        assert!(life.advance(Phase::Draining));
        assert!(!life.advance(Phase::Running));
        assert!(!life.advance(Phase::Draining));
        assert_eq!(life.phase(), Phase::Draining);
    }
}
