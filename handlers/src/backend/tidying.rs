//! Background work that forgets what is worth nothing any more: mailed tokens and revoked logins that
//! have expired, and accounts that nobody has confirmed. It does no harm, but takes room, and such an
//! account somebody's name.

use std::sync::Arc;
use std::time::Duration;

use container::{draining, timeout};

use super::Backend;
use super::options::Options;
use crate::store::{Pending, StoreError, UnixTime};

/// From the start to the first time: a server that is restarted often must come to it too, and has
/// better things to do at first.
const FIRST: Duration = Duration::from_secs(60);

/// From one time to the next.
const INTERVAL: Duration = Duration::from_secs(3600);

/// What one transaction forgets at most: others that write wait for it.
const PIECE: u32 = 500;

/// Between two of them, for those others.
const BREATH: Duration = Duration::from_millis(10);

/// Transactions of each kind at one time; what is left over is forgotten the next time.
const PIECES_MAX: u32 = 200;

impl Backend {
    /// Goes on until the drain.
    pub(super) async fn tidy(self: Arc<Self>) {
        let mut pause = FIRST;
        while timeout(pause, draining()).await.is_err() {
            if let Err(error) = self.forget_expired().await {
                log::warn!("what has expired was not forgotten: {error}");
            }
            pause = INTERVAL;
        }
    }

    async fn forget_expired(&self) -> Result<(), StoreError> {
        let (accounts, sessions) = (&self.stores.accounts, &self.stores.sessions);
        let now = UnixTime::now();
        in_pieces(|most| accounts.forget_tokens(now, most)).await?;
        in_pieces(|most| sessions.forget_expired(now, most)).await?;
        let created = now.before(self.options.unconfirmed_kept());
        let forgotten = in_pieces(|most| accounts.forget_unconfirmed(created, most)).await?;
        if forgotten > 0 {
            log::info!("{forgotten} accounts were forgotten that nobody has confirmed");
        }
        Ok(())
    }
}

impl Options {
    /// How long an account is kept that nobody confirms: never shorter than its link works.
    fn unconfirmed_kept(&self) -> Duration {
        self.unconfirmed_lifetime.max(self.activation_lifetime)
    }
}

/// Forgets a piece at a time until there is no more, or it is enough for this time, or the drain
/// begins; says how much it was.
async fn in_pieces(forget: impl Fn(u32) -> Pending<u64>) -> Result<u64, StoreError> {
    let mut sum = 0;
    for _ in 0..PIECES_MAX {
        let count = forget(PIECE).await?;
        sum += count;
        if count < PIECE.into() || timeout(BREATH, draining()).await.is_ok() {
            break;
        }
    }
    Ok(sum)
}
