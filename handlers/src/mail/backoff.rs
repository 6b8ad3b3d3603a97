//! When mail that could not be sent is tried again, and when no more.

use std::time::Duration;

use super::transport::Failure;

/// The first pause, doubled from then on: long enough for a server that is started anew.
const PAUSE_MIN: Duration = Duration::from_secs(10);

/// The longest pause: how late mail is at most when the server is back.
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

/// The most that chance adds to a pause, as a share of it: what failed together need not come back
/// together.
const JITTER: f64 = 0.25;

/// Attempts of a mail for which there is no server: about three days.
const ATTEMPTS_MAX: u32 = 300;

/// Attempts of a mail that the server refuses, which takes two and a half minutes: full mailboxes and
/// servers that are being set up answer as if for ever too.
const REFUSALS_MAX: u32 = 5;

/// What becomes of a mail that was not sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is tried again after this.
    Again(Duration),
    /// It is not tried again.
    GiveUp,
}

/// What becomes of a mail that failed so, after `attempts` earlier ones; `chance` is from 0 to 1.
pub(super) fn next(failure: &Failure, attempts: u32, chance: f64) -> Next {
    let most = match failure {
        Failure::Trouble(_) => ATTEMPTS_MAX,
        Failure::Refused(_) => REFUSALS_MAX,
        Failure::Unsendable(_) => 1,
    };
    if attempts.saturating_add(1) >= most {
        return Next::GiveUp;
    }
    let doubled = PAUSE_MIN.saturating_mul(2_u32.saturating_pow(attempts));
    Next::Again(doubled.min(PAUSE_MAX).mul_f64(1.0 + JITTER * chance))
}

/// How long a mail for which there is no server is tried at most.
#[cfg(test)]
pub(crate) fn longest_delay() -> Duration {
    let failure = Failure::Trouble(String::new());
    let pauses = (0..ATTEMPTS_MAX).map(|attempts| match next(&failure, attempts, 1.0) {
        Next::Again(pause) => pause,
        Next::GiveUp => Duration::ZERO,
    });
    pauses.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble() -> Failure {
        Failure::Trouble("nobody there".to_owned())
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let check = |attempts, seconds| {
            let expected = Next::Again(Duration::from_secs(seconds));
            assert_eq!(next(&trouble(), attempts, 0.0), expected, "{attempts}");
        };
        check(0, 10);
        check(1, 20);
        check(6, 640);
        check(7, 900);
        check(200, 900);
        let most = Next::Again(Duration::from_millis(12_500));
        assert_eq!(next(&trouble(), 0, 1.0), most);
    }

    #[test]
    fn each_failure_has_its_last_attempt() {
        let check = |failure: Failure, last: u32| {
            for attempts in 0..last - 1 {
                assert_ne!(next(&failure, attempts, 0.5), Next::GiveUp, "{attempts}");
            }
            assert_eq!(next(&failure, last - 1, 0.5), Next::GiveUp);
            assert_eq!(next(&failure, u32::MAX, 0.5), Next::GiveUp);
        };
        check(trouble(), ATTEMPTS_MAX);
        check(Failure::Refused("no such user".to_owned()), REFUSALS_MAX);
        check(Failure::Unsendable("no address".to_owned()), 1);
    }

    #[test]
    fn mail_is_tried_for_days() {
        let pauses = (0..ATTEMPTS_MAX).map(|attempts| match next(&trouble(), attempts, 0.0) {
            Next::Again(pause) => pause,
            Next::GiveUp => Duration::ZERO,
        });
        let days = pauses.sum::<Duration>().as_secs() / 86_400;
        assert_eq!(days, 3);
    }
}
