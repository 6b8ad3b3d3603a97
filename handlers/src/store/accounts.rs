//! `Accounts`: who may log in, and the single-use tokens that were mailed to them.
//!
//! Passwords and tokens come here hashed; neither can be read back.

use super::{NewMail, Pending, UnixTime};

/// Who may log in. Names and addresses are unique, addresses without regard to case.
pub trait Accounts: Send + Sync {
    /// At most `limit` accounts with ids above `after`, by id.
    fn list(&self, after: i64, limit: u32) -> Pending<Vec<Account>>;

    /// The account with this id.
    fn find(&self, id: i64) -> Pending<Option<Account>>;

    /// The account of this name, with what its password is checked against.
    fn credentials(&self, name: String) -> Pending<Option<Credentials>>;

    /// The account with this address.
    fn find_by_email(&self, email: String) -> Pending<Option<Account>>;

    /// Adds an account. [`StoreError::Taken`](super::StoreError::Taken) says all of its name and its
    /// address that is another's. An account that was never activated, and whose link has expired
    /// when this one is added, gives way.
    fn add(&self, account: NewAccount) -> Pending<Account>;

    /// Adds an account that is not active, its activation token and the mail that brings it: all
    /// three or none. Otherwise like [`add`](Self::add).
    fn register(&self, account: NewAccount, token: NewToken, mail: NewMail) -> Pending<Account>;

    /// Changes an account; `None` if there is none with this id.
    /// [`StoreError::Taken`](super::StoreError::Taken) as of [`add`](Self::add), and nothing is
    /// changed then.
    ///
    /// What was mailed before is worth as little as what it was mailed for: another address withdraws
    /// all tokens, another password those of resets and of addresses that are to be confirmed.
    fn change(&self, id: i64, change: AccountChange) -> Pending<Option<Account>>;

    /// Gives an account another hash of the same password, which ends no login. `false` when its hash
    /// is not `old` any more, and then nothing was changed: somebody else has changed the password.
    fn rehash(&self, id: i64, old: String, new: String) -> Pending<bool>;

    /// Takes an account out, with its tokens; `false` if there is none with this id.
    fn remove(&self, id: i64) -> Pending<bool>;

    /// Takes all accounts out, and says how many there were.
    fn remove_all(&self) -> Pending<u64>;

    /// Uses an activation token up and makes its account active, with the address that the token
    /// confirms, which withdraws all other tokens if it is another one; `None` if it is unknown, used
    /// or expired at `now`. [`StoreError::Taken`](super::StoreError::Taken) when the address has
    /// become another's meanwhile.
    fn activate(&self, token: TokenHash, now: UnixTime) -> Pending<Option<Account>>;

    /// The account as [`activate`](Self::activate) would leave it, with nothing done.
    fn activatable(&self, token: TokenHash, now: UnixTime) -> Pending<Option<Account>>;

    /// Keeps the wish that the owner of this address be mailed a reset link, whoever that is and
    /// whether there is one. Twice is as good as once.
    fn ask_reset(&self, email: String, now: UnixTime) -> Pending<()>;

    /// The address, in lower case, for which such a wish has been kept longest.
    fn asked_reset(&self) -> Pending<Option<String>>;

    /// Forgets the wish of this address, which nobody has.
    fn forget_reset(&self, email: String) -> Pending<()>;

    /// Grants the wish of an account's address: keeps a reset token in place of earlier ones, and the
    /// mail that brings it, and takes the wish out; all or none. `false` if there is no such wish any
    /// more, or no account with this id.
    fn begin_reset(&self, id: i64, token: NewToken, mail: NewMail) -> Pending<bool>;

    /// Uses a reset token up, withdraws all others of its account and gives it another password, of
    /// the next [generation](Account::generation). Who has read the mail has confirmed the address, so
    /// that the account is active then. `None` if the token is unknown, used or expired at `now`.
    fn finish_reset(
        &self,
        token: TokenHash,
        password_hash: String,
        now: UnixTime,
    ) -> Pending<Option<Account>>;

    /// Forgets at most `most` tokens that expired before `now`, and says how many.
    fn forget_tokens(&self, now: UnixTime, most: u32) -> Pending<u64>;

    /// Forgets at most `most` accounts that were added before `created`, are not active, and have no
    /// activation token any more; says how many.
    fn forget_unconfirmed(&self, created: UnixTime, most: u32) -> Pending<u64>;
}

/// Who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// From 1.
    pub id: i64,
    /// What its owner is called; at most 128 characters.
    pub name: String,
    /// Where its owner gets mail; at most 128 characters.
    pub email: String,
    /// Whether the address was confirmed.
    pub active: bool,
    /// When it was added.
    pub created: UnixTime,
    /// Which of its passwords this is: each new one has a greater number. Whoever has logged in with
    /// one of them has done so for that number alone.
    pub generation: i64,
}

/// An account, and what its password is checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// Its password's hash, a PHC string.
    pub password_hash: String,
}

/// An account that has no id yet.
#[derive(Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// What its owner is called.
    pub name: String,
    /// Where its owner gets mail.
    pub email: String,
    /// Its password's hash, a PHC string.
    pub password_hash: String,
    /// Whether it may be used without confirmation.
    pub active: bool,
    /// When it is added.
    pub created: UnixTime,
}

/// What is to change of an account; `None` stays as it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// What its owner is called.
    pub name: Option<String>,
    /// Where its owner gets mail.
    pub email: Option<NewEmail>,
    /// Another password's hash, a PHC string; it is of the next [generation](Account::generation).
    pub password_hash: Option<String>,
}

/// How an account comes to another address.
#[derive(Clone, PartialEq, Eq)]
pub enum NewEmail {
    /// It is its own at once.
    AtOnce(String),
    /// It becomes its own when this token is brought back, which this mail takes to the address. The
    /// token takes the place of an earlier activation token.
    Confirmed(NewToken, NewMail),
}

/// The SHA-256 of a token that was mailed to somebody.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// A token that is to be kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NewToken {
    /// What it will be recognised by.
    pub hash: TokenHash,
    /// From when on it is worth nothing.
    pub expires: UnixTime,
}
