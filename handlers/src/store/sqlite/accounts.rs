//! Accounts and their tokens in SQLite.

use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::Sqlite;
use super::mail_queue::put_in;
use super::text::Text;
use crate::store::{
    Account, AccountChange, Accounts, Credentials, NewAccount, NewMail, NewToken, Pending,
    StoreError, TokenHash, UnixTime, email_key,
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
            keep_token(transaction, account.id, "activation", &token)?;
            put_in(transaction, &mail)?;
            Ok(account)
        })
    }

    fn change(&self, id: i64, change: AccountChange) -> Pending<Option<Account>> {
        let query = account!(
            "UPDATE accounts SET name = coalesce(?2, name), email = coalesce(?3, email), \
             email_key = coalesce(?4, email_key), \
             password_hash = coalesce(?5, password_hash), \
             generation = generation + (?5 IS NOT NULL) WHERE id = ?1 RETURNING",
            ""
        );
        self.write(move |transaction| {
            let key = change.email.as_deref().map(email_key).map(Text);
            let texts = [change.name, change.email, change.password_hash];
            let [name, email, hash] = texts.map(|text| text.map(Text));
            one(transaction, query, (id, name, email, key, hash))
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
        let query = account!("UPDATE accounts SET active = 1 WHERE id = ?1 RETURNING", "");
        self.write(
            move |transaction| match use_up(transaction, "activation", token, now)? {
                Some(id) => one(transaction, query, [id]),
                None => Ok(None),
            },
        )
    }

    fn activatable(&self, token: TokenHash, now: UnixTime) -> Pending<Option<Account>> {
        let query = account!(
            "SELECT",
            "FROM accounts WHERE id = (SELECT account FROM tokens \
             WHERE hash = ?1 AND purpose = 'activation' AND expires > ?2)"
        );
        self.read(move |connection| {
            let found = one(connection, query, (token.0, now.0))?;
            Ok(found.map(Account::activated))
        })
    }

    fn begin_reset(&self, id: i64, token: NewToken, mail: NewMail) -> Pending<bool> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?;
            if !query.exists([id])? {
                return Ok(false);
            }
            keep_token(transaction, id, "reset", &token)?;
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
            "UPDATE accounts SET password_hash = ?2, generation = generation + 1 \
             WHERE id = ?1 RETURNING",
            ""
        );
        self.write(
            move |transaction| match use_up(transaction, "reset", token, now)? {
                Some(id) => one(transaction, query, (id, Text(password_hash))),
                None => Ok(None),
            },
        )
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
    let mut query = transaction.prepare_cached(account!(
        "INSERT INTO accounts \
         (name, email, email_key, password_hash, active, created, generation) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1) RETURNING",
        ""
    ))?;
    let values = (
        Text(&new.name),
        Text(&new.email),
        Text(email_key(&new.email)),
        Text(&new.password_hash),
        new.active,
        new.created.0,
    );
    Ok(query.query_row(values, account)?)
}

/// Keeps a token, in place of an earlier one of this account for this purpose.
fn keep_token(
    transaction: &Connection,
    id: i64,
    purpose: &str,
    token: &NewToken,
) -> Result<(), StoreError> {
    let mut query = transaction.prepare_cached(
        "INSERT INTO tokens (hash, account, purpose, expires) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (account, purpose) DO UPDATE \
         SET hash = excluded.hash, expires = excluded.expires",
    )?;
    query.execute((token.hash.0, id, purpose, token.expires.0))?;
    Ok(())
}

/// Takes a token out that is worth something at `now`, and says whose it was.
fn use_up(
    transaction: &Connection,
    purpose: &str,
    token: TokenHash,
    now: UnixTime,
) -> Result<Option<i64>, StoreError> {
    let mut query = transaction.prepare_cached(
        "DELETE FROM tokens WHERE hash = ?1 AND purpose = ?2 AND expires > ?3 RETURNING account",
    )?;
    let used = query.query_row((token.0, purpose, now.0), |row| row.get(0));
    Ok(used.optional()?)
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
