//! Accounts in SQLite, and what their tokens do to them.

use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::Sqlite;
use super::mail_queue::put_in;
use super::text::Text;
use super::tokens::{Purpose, keep, use_up, withdraw, withdraw_all};
use crate::store::{
    Account, AccountChange, Accounts, Credentials, NewAccount, NewEmail, NewMail, NewToken,
    Pending, StoreError, TokenHash, Unique, UnixTime, email_key,
};

/// The columns of an account, in the order in which [`account`] reads them.
macro_rules! account {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " id, name, email, active, created, generation ",
            $after
        )
    };
}

/// The account of an activation token, as it will be.
const ACTIVATABLE: &str = "\
    SELECT accounts.id, accounts.name, coalesce(tokens.email, accounts.email), TRUE, \
        accounts.created, accounts.generation \
    FROM tokens JOIN accounts ON accounts.id = tokens.account \
    WHERE tokens.hash = ?1 AND tokens.purpose = 'activation' AND tokens.expires > ?2";

/// Removes who has had his time to become active, and stands in the way of a name or an address.
const MAKE_ROOM: &str = "\
    DELETE FROM accounts WHERE NOT active AND (name = ?1 OR email_key = ?2) \
    AND NOT EXISTS (SELECT 1 FROM tokens WHERE tokens.account = accounts.id \
        AND tokens.purpose = 'activation' AND tokens.expires > ?3)";

/// Changes what is not null.
const CHANGE: &str = account!(
    "UPDATE accounts SET name = coalesce(?2, name), email = coalesce(?3, email), \
     email_key = coalesce(?4, email_key), password_hash = coalesce(?5, password_hash), \
     generation = generation + (?5 IS NOT NULL) WHERE id = ?1 RETURNING",
    ""
);

/// What needs nobody's confirmation; `None` stays as it is.
struct AtOnce {
    name: Option<String>,
    email: Option<String>,
    /// By which the address is unique and found.
    key: Option<String>,
    password_hash: Option<String>,
}

impl Accounts for Sqlite {
    fn list(&self, after: i64, limit: u32) -> Pending<Vec<Account>> {
        self.read(move |connection| {
            let mut query = connection.prepare_cached(account!(
                "SELECT",
                "FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2"
            ))?;
            let accounts = query.query_map((after, limit), account)?;
            Ok(accounts.collect::<Result<_, _>>()?)
        })
    }

    fn find(&self, id: i64) -> Pending<Option<Account>> {
        let query = account!("SELECT", "FROM accounts WHERE id = ?1");
        self.read(move |connection| one(connection, query, [id]))
    }

    fn credentials(&self, name: String) -> Pending<Option<Credentials>> {
        self.read(move |connection| {
            let mut query = connection.prepare_cached(account!(
                "SELECT",
                ", password_hash FROM accounts WHERE name = ?1"
            ))?;
            Ok(query.query_row([Text(name)], credentials).optional()?)
        })
    }

    fn find_by_email(&self, email: String) -> Pending<Option<Account>> {
        let query = account!("SELECT", "FROM accounts WHERE email_key = ?1");
        self.read(move |connection| one(connection, query, [Text(email_key(&email))]))
    }

    fn add(&self, new: NewAccount) -> Pending<Account> {
        self.write(move |transaction| insert(transaction, &new))
    }

    fn register(&self, new: NewAccount, token: NewToken, mail: NewMail) -> Pending<Account> {
        self.write(move |transaction| {
            let account = insert(transaction, &new)?;
            keep(transaction, account.id, Purpose::Activation(None), &token)?;
            put_in(transaction, &mail)?;
            Ok(account)
        })
    }

    fn change(&self, id: i64, change: AccountChange) -> Pending<Option<Account>> {
        self.write(move |transaction| {
            let (email, confirmed) = match change.email {
                Some(NewEmail::AtOnce(email)) => (Some(email), None),
                Some(NewEmail::Confirmed(token, mail)) => (None, Some((token, mail))),
                None => (None, None),
            };
            if let Some((_, mail)) = &confirmed {
                // No constraint says so before the address is confirmed.
                let (name, key) = (change.name.as_deref(), email_key(&mail.to));
                if let Some(taken) = taken(transaction, Some(id), name, Some(&key))? {
                    return Err(StoreError::Taken(taken));
                }
            }
            let at_once = AtOnce {
                name: change.name,
                key: email.as_deref().map(email_key),
                email,
                password_hash: change.password_hash,
            };
            let Some(account) = change_at_once(transaction, id, &at_once)? else {
                return Ok(None);
            };
            if let Some((token, mail)) = confirmed {
                keep(transaction, id, Purpose::Activation(Some(&mail.to)), &token)?;
                put_in(transaction, &mail)?;
            }
            Ok(Some(account))
        })
    }

    fn rehash(&self, id: i64, old: String, new: String) -> Pending<bool> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached(
                "UPDATE accounts SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2",
            )?;
            Ok(query.execute((id, Text(old), Text(new)))? > 0)
        })
    }

    fn remove(&self, id: i64) -> Pending<bool> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached("DELETE FROM accounts WHERE id = ?1")?;
            Ok(query.execute([id])? > 0)
        })
    }

    fn remove_all(&self) -> Pending<u64> {
        self.write(|transaction| {
            let mut query = transaction.prepare_cached("DELETE FROM accounts")?;
            Ok(query.execute([])? as u64)
        })
    }

    fn activate(&self, token: TokenHash, now: UnixTime) -> Pending<Option<Account>> {
        let query = account!(
            "UPDATE accounts SET active = 1, email = coalesce(?2, email), \
             email_key = coalesce(?3, email_key) WHERE id = ?1 RETURNING",
            ""
        );
        self.write(move |transaction| {
            let Some(used) = use_up(transaction, Purpose::Activation(None), token, now)? else {
                return Ok(None);
            };
            if used.email.is_some() {
                withdraw_all(transaction, used.account)?;
            }
            one(
                transaction,
                query,
                (used.account, used.email, used.email_key),
            )
        })
    }

    fn activatable(&self, token: TokenHash, now: UnixTime) -> Pending<Option<Account>> {
        self.read(move |connection| one(connection, ACTIVATABLE, (token.0, now.0)))
    }

    fn ask_reset(&self, email: String, now: UnixTime) -> Pending<()> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached(
                "INSERT INTO reset_requests (email_key, asked) VALUES (?1, ?2) \
                 ON CONFLICT DO NOTHING",
            )?;
            query.execute((Text(email_key(&email)), now.0))?;
            Ok(())
        })
    }

    fn asked_reset(&self) -> Pending<Option<String>> {
        self.read(|connection| {
            let mut query = connection
                .prepare_cached("SELECT email_key FROM reset_requests ORDER BY asked LIMIT 1")?;
            Ok(query.query_row([], |row| row.get(0)).optional()?)
        })
    }

    fn forget_reset(&self, email: String) -> Pending<()> {
        self.write(move |transaction| {
            let mut query =
                transaction.prepare_cached("DELETE FROM reset_requests WHERE email_key = ?1")?;
            query.execute([Text(email_key(&email))])?;
            Ok(())
        })
    }

    fn begin_reset(&self, id: i64, token: NewToken, mail: NewMail) -> Pending<bool> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached(
                "DELETE FROM reset_requests \
                 WHERE email_key = (SELECT email_key FROM accounts WHERE id = ?1)",
            )?;
            if query.execute([id])? == 0 {
                return Ok(false);
            }
            keep(transaction, id, Purpose::Reset, &token)?;
            put_in(transaction, &mail)?;
            Ok(true)
        })
    }

    fn finish_reset(
        &self,
        token: TokenHash,
        password_hash: String,
        now: UnixTime,
    ) -> Pending<Option<Account>> {
        let query = account!(
            "UPDATE accounts SET password_hash = ?2, generation = generation + 1, active = 1 \
             WHERE id = ?1 RETURNING",
            ""
        );
        self.write(move |transaction| {
            let Some(used) = use_up(transaction, Purpose::Reset, token, now)? else {
                return Ok(None);
            };
            withdraw_all(transaction, used.account)?;
            one(transaction, query, (used.account, Text(password_hash)))
        })
    }

    fn forget_tokens(&self, now: UnixTime, most: u32) -> Pending<u64> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached(
                "DELETE FROM tokens WHERE hash IN \
                 (SELECT hash FROM tokens WHERE expires < ?1 LIMIT ?2)",
            )?;
            Ok(query.execute((now.0, most))? as u64)
        })
    }

    fn forget_unconfirmed(&self, created: UnixTime, most: u32) -> Pending<u64> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached(
                "DELETE FROM accounts WHERE id IN ( \
                     SELECT id FROM accounts WHERE NOT active AND created < ?1 AND NOT EXISTS \
                         (SELECT 1 FROM tokens WHERE account = accounts.id AND purpose = 'activation') \
                     LIMIT ?2)",
            )?;
            Ok(query.execute((created.0, most))? as u64)
        })
    }
}

/// The account that a query gives, if it gives one.
fn one(
    connection: &Connection,
    query: &str,
    parameters: impl Params,
) -> Result<Option<Account>, StoreError> {
    let mut query = connection.prepare_cached(query)?;
    Ok(query.query_row(parameters, account).optional()?)
}

fn insert(transaction: &Connection, new: &NewAccount) -> Result<Account, StoreError> {
    let key = email_key(&new.email);
    let mut make_room = transaction.prepare_cached(MAKE_ROOM)?;
    make_room.execute((Text(&new.name), Text(&key), new.created.0))?;
    let mut query = transaction.prepare_cached(account!(
        "INSERT INTO accounts \
         (name, email, email_key, password_hash, active, created, generation) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1) RETURNING",
        ""
    ))?;
    let values = (
        Text(&new.name),
        Text(&new.email),
        Text(&key),
        Text(&new.password_hash),
        new.active,
        new.created.0,
    );
    let added = query.query_row(values, account).map_err(StoreError::from);
    added.map_err(|error| all_taken(transaction, error, None, Some(&new.name), Some(&key)))
}

/// Changes what needs nobody's confirmation, and withdraws the tokens that this makes worthless.
fn change_at_once(
    transaction: &Connection,
    id: i64,
    change: &AtOnce,
) -> Result<Option<Account>, StoreError> {
    let AtOnce {
        name,
        email,
        key,
        password_hash,
    } = change;
    let [name, email, key, hash] = [name, email, key, password_hash].map(Option::as_deref);
    withdraw(transaction, id, key, hash.is_some())?;
    let values = [name, email, key, hash].map(|text| text.map(Text));
    let [new_name, new_email, new_key, new_hash] = values;
    let changed = one(
        transaction,
        CHANGE,
        (id, new_name, new_email, new_key, new_hash),
    );
    changed.map_err(|error| all_taken(transaction, error, Some(id), name, key))
}

/// What of a name and an address is taken by accounts other than this one.
fn taken(
    transaction: &Connection,
    id: Option<i64>,
    name: Option<&str>,
    key: Option<&str>,
) -> Result<Option<Unique>, StoreError> {
    let mut query = transaction.prepare_cached(
        "SELECT coalesce(max(name = ?2), 0), coalesce(max(email_key = ?3), 0) \
         FROM accounts WHERE id IS NOT ?1 AND (name = ?2 OR email_key = ?3)",
    )?;
    let values = (id, name.map(Text), key.map(Text));
    let (name, email) = query.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Unique::of_account(name, email))
}

/// An error that says all that is taken: SQLite stops at the first of it.
fn all_taken(
    transaction: &Connection,
    error: StoreError,
    id: Option<i64>,
    name: Option<&str>,
    key: Option<&str>,
) -> StoreError {
    match error {
        StoreError::Taken(first) => match taken(transaction, id, name, key) {
            Ok(besides) => StoreError::Taken(first.and(besides)),
            Err(error) => error,
        },
        error => error,
    }
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        active: row.get(3)?,
        created: UnixTime(row.get(4)?),
        generation: row.get(5)?,
    })
}

fn credentials(row: &Row<'_>) -> rusqlite::Result<Credentials> {
    Ok(Credentials {
        account: account(row)?,
        password_hash: row.get(6)?,
    })
}
