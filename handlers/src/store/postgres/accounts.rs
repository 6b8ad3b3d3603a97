//! Accounts and their tokens in PostgreSQL.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::Postgres;
use super::mail_queue::texts;
use crate::store::{
    Account, AccountChange, Accounts, Credentials, NewAccount, NewMail, NewToken, Pending,
    StoreError, TokenHash, UnixTime, email_key,
};

/// The columns of an account, in the order in which [`account`] reads them.
macro_rules! account {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " accounts.id, accounts.name, accounts.email, accounts.active, accounts.created, \
              accounts.generation ",
            $after
        )
    };
}

/// Adds an account, its token and its mail.
const REGISTER: &str = account!(
    "WITH accounts AS ( \
         INSERT INTO accounts (name, email, email_key, password_hash, active, created, generation) \
         VALUES ($1, $2, $3, $4, $5, $6, 1) RETURNING * \
     ), token AS ( \
         INSERT INTO tokens (hash, account, purpose, expires) \
         SELECT $7, id, 'activation', $8 FROM accounts \
     ), mail AS ( \
         INSERT INTO mail_queue (recipient, subject, text, html) VALUES ($9, $10, $11, $12) \
     ) SELECT",
    "FROM accounts"
);

/// Changes what is not null.
const CHANGE: &str = account!(
    "UPDATE accounts SET name = coalesce($2, name), email = coalesce($3, email), \
     email_key = coalesce($4, email_key), password_hash = coalesce($5, password_hash), \
     generation = generation + CASE WHEN $5 IS NULL THEN 0 ELSE 1 END \
     WHERE id = $1 RETURNING",
    ""
);

/// Uses an activation token up.
const ACTIVATE: &str = account!(
    "WITH used AS ( \
         DELETE FROM tokens WHERE hash = $1 AND purpose = 'activation' AND expires > $2 \
         RETURNING account \
     ) UPDATE accounts SET active = TRUE FROM used WHERE accounts.id = used.account RETURNING",
    ""
);

/// Keeps a reset token in place of an earlier one, with its mail, where there is the account.
const BEGIN_RESET: &str = "\
    WITH owner AS (SELECT id FROM accounts WHERE id = $1 FOR KEY SHARE), \
    token AS ( \
        INSERT INTO tokens (hash, account, purpose, expires) \
        SELECT $2, id, 'reset', $3 FROM owner \
        ON CONFLICT (account, purpose) DO UPDATE \
        SET hash = excluded.hash, expires = excluded.expires \
    ), mail AS ( \
        INSERT INTO mail_queue (recipient, subject, text, html) \
        SELECT $4, $5, $6, $7 FROM owner \
    ) SELECT id FROM owner";

/// Uses a reset token up.
const FINISH_RESET: &str = account!(
    "WITH used AS ( \
         DELETE FROM tokens WHERE hash = $1 AND purpose = 'reset' AND expires > $2 \
         RETURNING account \
     ) UPDATE accounts SET password_hash = $3, generation = generation + 1 FROM used \
     WHERE accounts.id = used.account RETURNING",
    ""
);

/// Forgets expired tokens, passing over those that somebody forgets at this moment.
const FORGET_TOKENS: &str = "\
    WITH old AS (SELECT hash FROM tokens WHERE expires < $1 LIMIT $2 FOR UPDATE SKIP LOCKED), \
    gone AS (DELETE FROM tokens USING old WHERE tokens.hash = old.hash RETURNING 1) \
    SELECT count(*) FROM gone";

/// Forgets accounts without a link that could still confirm them.
const FORGET_UNCONFIRMED: &str = "\
    WITH old AS ( \
        SELECT id FROM accounts WHERE NOT active AND created < $1 AND NOT EXISTS \
            (SELECT 1 FROM tokens WHERE account = accounts.id AND purpose = 'activation') \
        LIMIT $2 FOR UPDATE SKIP LOCKED \
    ), gone AS (DELETE FROM accounts USING old WHERE accounts.id = old.id RETURNING 1) \
    SELECT count(*) FROM gone";

impl Accounts for Postgres {
    fn list(&self, after: i64, limit: u32) -> Pending<Vec<Account>> {
        let database = self.clone();
        Box::pin(async move {
            let text = account!("SELECT", "FROM accounts WHERE id > $1 ORDER BY id LIMIT $2");
            let rows = database.query(text, &[&after, &i64::from(limit)]).await?;
            rows.iter().map(account).collect()
        })
    }

    fn find(&self, id: i64) -> Pending<Option<Account>> {
        let text = account!("SELECT", "FROM accounts WHERE id = $1");
        let database = self.clone();
        Box::pin(async move { database.account(text, &[&id]).await })
    }

    fn credentials(&self, name: String) -> Pending<Option<Credentials>> {
        let text = account!("SELECT", ", password_hash FROM accounts WHERE name = $1");
        let database = self.clone();
        Box::pin(async move {
            let row = database.query_one(text, &[&name]).await?;
            row.as_ref().map(credentials).transpose()
        })
    }

    fn find_by_email(&self, email: String) -> Pending<Option<Account>> {
        let text = account!("SELECT", "FROM accounts WHERE email_key = $1");
        let database = self.clone();
        Box::pin(async move { database.account(text, &[&email_key(&email)]).await })
    }

    fn add(&self, new: NewAccount) -> Pending<Account> {
        let text = account!(
            "INSERT INTO accounts \
             (name, email, email_key, password_hash, active, created, generation) \
             VALUES ($1, $2, $3, $4, $5, $6, 1) RETURNING",
            ""
        );
        let database = self.clone();
        Box::pin(async move {
            let key = email_key(&new.email);
            let added = database.account(text, &columns(&new, &key)).await?;
            added.ok_or_else(nothing_added)
        })
    }

    fn register(&self, new: NewAccount, token: NewToken, mail: NewMail) -> Pending<Account> {
        let database = self.clone();
        Box::pin(async move {
            let key = email_key(&new.email);
            let hash = token.hash.0.as_slice();
            let mut values = columns(&new, &key).to_vec();
            values.extend([&hash as &(dyn ToSql + Sync), &token.expires.0]);
            values.extend(texts(&mail));
            let added = database.account(REGISTER, &values).await?;
            added.ok_or_else(nothing_added)
        })
    }

    fn change(&self, id: i64, change: AccountChange) -> Pending<Option<Account>> {
        let database = self.clone();
        Box::pin(async move {
            let AccountChange {
                name,
                email,
                password_hash,
            } = change;
            let key = email.as_deref().map(email_key);
            let values: [&(dyn ToSql + Sync); 5] = [&id, &name, &email, &key, &password_hash];
            database.account(CHANGE, &values).await
        })
    }

    fn rehash(&self, id: i64, old: String, new: String) -> Pending<bool> {
        let database = self.clone();
        Box::pin(async move {
            let text = "UPDATE accounts SET password_hash = $3 \
                        WHERE id = $1 AND password_hash = $2 RETURNING TRUE";
            let row = database.query_one(text, &[&id, &old, &new]).await?;
            Ok(row.is_some())
        })
    }

    fn remove(&self, id: i64) -> Pending<bool> {
        let database = self.clone();
        Box::pin(async move {
            let text = "DELETE FROM accounts WHERE id = $1 RETURNING TRUE";
            let row = database.query_one(text, &[&id]).await?;
            Ok(row.is_some())
        })
    }

    fn remove_all(&self) -> Pending<u64> {
        let database = self.clone();
        Box::pin(async move {
            let text = "WITH gone AS (DELETE FROM accounts RETURNING 1) SELECT count(*) FROM gone";
            database.query_count(text, &[]).await
        })
    }

    fn activate(&self, token: TokenHash, now: UnixTime) -> Pending<Option<Account>> {
        let database = self.clone();
        Box::pin(async move {
            let hash = token.0.as_slice();
            database.account(ACTIVATE, &[&hash, &now.0]).await
        })
    }

    fn activatable(&self, token: TokenHash, now: UnixTime) -> Pending<Option<Account>> {
        let database = self.clone();
        Box::pin(async move {
            let text = account!(
                "SELECT",
                "FROM accounts WHERE id = (SELECT account FROM tokens \
                 WHERE hash = $1 AND purpose = 'activation' AND expires > $2)"
            );
            let hash = token.0.as_slice();
            let found = database.account(text, &[&hash, &now.0]).await?;
            Ok(found.map(Account::activated))
        })
    }

    fn begin_reset(&self, id: i64, token: NewToken, mail: NewMail) -> Pending<bool> {
        let database = self.clone();
        Box::pin(async move {
            let hash = token.hash.0.as_slice();
            let mut values: Vec<&(dyn ToSql + Sync)> = vec![&id, &hash, &token.expires.0];
            values.extend(texts(&mail));
            let row = database.query_one(BEGIN_RESET, &values).await?;
            Ok(row.is_some())
        })
    }

    fn finish_reset(
        &self,
        token: TokenHash,
        password_hash: String,
        now: UnixTime,
    ) -> Pending<Option<Account>> {
        let database = self.clone();
        Box::pin(async move {
            let hash = token.0.as_slice();
            let values: [&(dyn ToSql + Sync); 3] = [&hash, &now.0, &password_hash];
            database.account(FINISH_RESET, &values).await
        })
    }

    fn forget_tokens(&self, now: UnixTime, most: u32) -> Pending<u64> {
        let database = self.clone();
        Box::pin(async move {
            let values: [&(dyn ToSql + Sync); 2] = [&now.0, &i64::from(most)];
            database.query_count(FORGET_TOKENS, &values).await
        })
    }

    fn forget_unconfirmed(&self, created: UnixTime, most: u32) -> Pending<u64> {
        let database = self.clone();
        Box::pin(async move {
            let values: [&(dyn ToSql + Sync); 2] = [&created.0, &i64::from(most)];
            database.query_count(FORGET_UNCONFIRMED, &values).await
        })
    }
}

impl Postgres {
    /// The account that a statement gives, if it gives one.
    async fn account(
        &self,
        text: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Account>, StoreError> {
        let row = self.query_one(text, parameters).await?;
        row.as_ref().map(account).transpose()
    }
}

/// The columns of a new account, as both statements that add one number them.
fn columns<'a>(new: &'a NewAccount, email_key: &'a String) -> [&'a (dyn ToSql + Sync); 6] {
    [
        &new.name,
        &new.email,
        email_key,
        &new.password_hash,
        &new.active,
        &new.created.0,
    ]
}

fn nothing_added() -> StoreError {
    StoreError::Broken("an account was added and not given back".to_owned())
}

fn account(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        email: row.try_get(2)?,
        active: row.try_get(3)?,
        created: UnixTime(row.try_get(4)?),
        generation: row.try_get(5)?,
    })
}

fn credentials(row: &Row) -> Result<Credentials, StoreError> {
    Ok(Credentials {
        account: account(row)?,
        password_hash: row.try_get(6)?,
    })
}
