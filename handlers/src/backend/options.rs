//! `Options`: what can be chosen about the backend. Plain data; secrets in it are not shown.

use std::num::NonZeroU32;
use std::thread;
use std::time::Duration;

use super::key::{Algorithm, SigningKey};

/// How long an activation link works: as long as a mail server may be away before the mail is given
/// up, and a day more to read it.
const ACTIVATION_LIFETIME: Duration = Duration::from_secs(5 * 24 * 3600);

/// How long an account is kept that nobody confirms: a day longer than its link works, for those who
/// ask why. Then its name and its address are free again.
const UNCONFIRMED_LIFETIME: Duration = Duration::from_secs(6 * 24 * 3600);

/// How long a reset link works: it is as good as the password, and asked for by somebody who waits.
const RESET_LIFETIME: Duration = Duration::from_secs(3600);

/// How long a login is good: a working day.
const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// How long `GET /api/user/{id}` takes, as in the original experiment.
const USER_DELAY: Duration = Duration::from_secs(5);

/// What can be chosen about the backend.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long `GET /api/user/{id}` takes, on purpose. Default 5 s.
    pub user_delay: Duration,
    /// Whether the routes below `/api/user` want a login, and let people change no account but their
    /// own. Default: no, so that anybody may read, change and remove all accounts, as in the
    /// original: for a sample on a machine of one's own.
    pub protect_users: bool,
    /// Where clients find this server, without a slash at the end: what mailed links begin with, and
    /// the issuer of logins. Default `http://127.0.0.1:8888`.
    pub base_url: String,
    /// In whose name mail is written. Default `Sample server`.
    pub service: String,
    /// What logins are signed with. Default: a key that is as old as this value.
    pub key: SigningKey,
    /// How logins are signed. Default HS256.
    pub algorithm: Algorithm,
    /// How long a login is good. Default 12 h.
    pub token_lifetime: Duration,
    /// How long an activation link works, and a name and an address are kept for who has registered.
    /// Default 5 days: longer than its mail is tried.
    pub activation_lifetime: Duration,
    /// How long an account is kept that nobody confirms, if not longer for its link. It is forgotten
    /// within an hour after that. Default 6 days.
    pub unconfirmed_lifetime: Duration,
    /// How long a reset link works. Default 1 h.
    pub reset_lifetime: Duration,
    /// How passwords are hashed.
    pub passwords: PasswordOptions,
    /// How often logins, resets and new passwords may be tried.
    pub attempts: AttemptOptions,
}

/// How passwords are hashed.
#[derive(Debug, Clone)]
pub struct PasswordOptions {
    /// What a hash costs.
    pub cost: PasswordCost,
    /// How many are computed at once. Default: half as many as there are processors, so that the
    /// other half is left to the workers.
    pub concurrency: usize,
    /// How many more wait; beyond it 503. Default 64.
    pub queue: usize,
    /// The wait that is good enough; when all wait longer for twenty times as long, the newest go
    /// first and the others are refused. Default 1 s.
    pub patience: Duration,
}

/// What hashing a password costs, which is also what guessing one costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB; 8 where it is less.
    pub memory_kib: u32,
    /// How often it is gone through; once where it is less.
    pub passes: u32,
}

/// How often logins and resets may be tried and new passwords be given, each as so many a minute: that
/// many at once, then one after another. `None`: as often as one likes.
#[derive(Debug, Clone)]
pub struct AttemptOptions {
    /// By one address of the network, for one name. Default 10: people mistype, and guessing at this
    /// rate takes for ever.
    pub per_name: Option<NonZeroU32>,
    /// By one address of the network in all, which is all that counts new passwords: those of
    /// registrations, of accounts that are added or changed, and of resets. Default 60: many people
    /// may share one.
    pub per_peer: Option<NonZeroU32>,
}

impl PasswordCost {
    /// For tests, which have nothing to hide.
    pub const CHEAPEST: PasswordCost = PasswordCost {
        memory_kib: 8,
        passes: 1,
    };
}

/// What the Password Storage Cheat Sheet of OWASP recommends for argon2id: 19 MiB, gone through
/// twice, in one lane. It takes some 20 ms of a processor.
impl Default for PasswordCost {
    fn default() -> Self {
        PasswordCost {
            memory_kib: 19 * 1024,
            passes: 2,
        }
    }
}

impl Default for PasswordOptions {
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        PasswordOptions {
            cost: PasswordCost::default(),
            concurrency: (processors / 2).max(1),
            queue: 64,
            patience: Duration::from_secs(1),
        }
    }
}

impl Default for AttemptOptions {
    fn default() -> Self {
        AttemptOptions {
            per_name: NonZeroU32::new(10),
            per_peer: NonZeroU32::new(60),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            user_delay: USER_DELAY,
            protect_users: false,
            base_url: "http://127.0.0.1:8888".to_owned(),
            service: "Sample server".to_owned(),
            key: SigningKey::random(),
            algorithm: Algorithm::default(),
            token_lifetime: TOKEN_LIFETIME,
            activation_lifetime: ACTIVATION_LIFETIME,
            unconfirmed_lifetime: UNCONFIRMED_LIFETIME,
            reset_lifetime: RESET_LIFETIME,
            passwords: PasswordOptions::default(),
            attempts: AttemptOptions::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail;

    #[test]
    fn a_link_lives_longer_than_its_mail_is_tried() {
        let day = Duration::from_secs(24 * 3600);
        assert!(ACTIVATION_LIFETIME >= mail::longest_delay() + day);
    }
}
