//! Tokens in SQLite, as parts of transactions: what was mailed to the owners of accounts.

use rusqlite::{Connection, OptionalExtension};

use super::text::Text;
use crate::store::{NewToken, StoreError, TokenHash, UnixTime, email_key};

/// What a token is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// To make an account active, with this address if it has another yet.
    Activation(Option<&'a str>),
    /// To choose another password.
    Reset,
}

/// A token that was used up.
pub(super) struct Used {
    /// Whose it was.
    pub(super) account: i64,
    /// The address that it confirms, if that was not yet the account's.
    pub(super) email: Option<String>,
    /// By which that is unique and found.
    pub(super) email_key: Option<String>,
}

/// Keeps a token, in place of an earlier one of this account for this purpose.
pub(super) fn keep(
    transaction: &Connection,
    id: i64,
    purpose: Purpose<'_>,
    token: &NewToken,
) -> Result<(), StoreError> {
    let mut query = transaction.prepare_cached(
        "INSERT INTO tokens (hash, account, purpose, expires, email, email_key) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account, purpose) DO UPDATE \
         SET hash = excluded.hash, expires = excluded.expires, \
             email = excluded.email, email_key = excluded.email_key",
    )?;
    let email = match purpose {
        Purpose::Activation(email) => email,
        Purpose::Reset => None,
    };
    let (email, key) = (email.map(Text), email.map(email_key).map(Text));
    let (hash, expires) = (token.hash.0, token.expires.0);
    query.execute((hash, id, purpose.name(), expires, email, key))?;
    Ok(())
}

/// Takes a token out that is worth something at `now`, and gives what it was for.
pub(super) fn use_up(
    transaction: &Connection,
    purpose: Purpose<'_>,
    token: TokenHash,
    now: UnixTime,
) -> Result<Option<Used>, StoreError> {
    let mut query = transaction.prepare_cached(
        "DELETE FROM tokens WHERE hash = ?1 AND purpose = ?2 AND expires > ?3 \
         RETURNING account, email, email_key",
    )?;
    let used = query.query_row((token.0, purpose.name(), now.0), |row| {
        Ok(Used {
            account: row.get(0)?,
            email: row.get(1)?,
            email_key: row.get(2)?,
        })
    });
    Ok(used.optional()?)
}

/// Takes out all tokens of an account.
pub(super) fn withdraw_all(transaction: &Connection, id: i64) -> Result<(), StoreError> {
    let mut query = transaction.prepare_cached("DELETE FROM tokens WHERE account = ?1")?;
    query.execute([id])?;
    Ok(())
}

/// Takes out the tokens of an account that another password makes worthless, or this address if it is
/// another.
pub(super) fn withdraw(
    transaction: &Connection,
    id: i64,
    key: Option<&str>,
    is_password_new: bool,
) -> Result<(), StoreError> {
    let mut query = transaction.prepare_cached(
        "DELETE FROM tokens WHERE account = ?1 \
         AND (?2 AND (purpose = 'reset' OR email IS NOT NULL) \
              OR ?3 <> (SELECT email_key FROM accounts WHERE id = ?1))",
    )?;
    query.execute((id, is_password_new, key.map(Text)))?;
    Ok(())
}

impl Purpose<'_> {
    fn name(self) -> &'static str {
        match self {
            Purpose::Activation(_) => "activation",
            Purpose::Reset => "reset",
        }
    }
}
