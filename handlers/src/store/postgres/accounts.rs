//! Accounts and their tokens in PostgreSQL.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::Postgres;
use super::mail_queue::texts;
use crate::store::{
    Account, AccountChange, Accounts, Credentials, NewAccount, NewEmail, NewMail, NewToken,
    Pending, StoreError, TokenHash, Unique, UnixTime, email_key,
};

/// The columns of an account, in the order in which [`account`] reads them.
macro_rules! account {
    ($before:expr, $after:literal) => {
        concat!(
            $before,
            " accounts.id, accounts.name, accounts.email, accounts.active, accounts.created, \
              accounts.generation ",
            $after
        )
    };
}

/// Begins a statement that adds an account. Removes first who has had his time to become active, and
/// stands in the way of its name or its address.
macro_rules! adding {
    ($after:literal) => {
        concat!(
            "WITH gone AS ( \
                 DELETE FROM accounts WHERE NOT active AND (name = $1 OR email_key = $3) \
                 AND NOT EXISTS (SELECT FROM tokens WHERE tokens.account = accounts.id \
                     AND tokens.purpose = 'activation' AND tokens.expires > $6) \
                 RETURNING id \
             ), room AS (SELECT count(*) FROM gone), \
             added AS ( \
                 INSERT INTO accounts \
                 (name, email, email_key, password_hash, active, created, generation) \
                 SELECT $1, $2, $3, $4, $5, $6, 1 FROM room RETURNING * \
             )",
            $after
        )
    };
}

/// Adds an account.
const ADD: &str = account!(adding!(" SELECT"), "FROM added AS accounts");

/// Adds an account, its token and its mail.
const REGISTER: &str = account!(
    adding!(
        ", token AS ( \
         INSERT INTO tokens (hash, account, purpose, expires) \
         SELECT $7, id, 'activation', $8 FROM added \
     ), mail AS ( \
         INSERT INTO mail_queue (recipient, subject, text, html) VALUES ($9, $10, $11, $12) \
     ) SELECT"
    ),
    "FROM added AS accounts"
);

/// Changes what is not null, takes out the tokens that this makes worthless, and keeps a token of an
/// address that is to be confirmed, with its mail, if there is one.
const CHANGE: &str = account!(
    "WITH before AS (SELECT id, email_key FROM accounts WHERE id = $1 FOR UPDATE), \
     withdrawn AS ( \
         DELETE FROM tokens USING before WHERE tokens.account = before.id AND ( \
             $5::text IS NOT NULL AND (tokens.purpose = 'reset' OR tokens.email IS NOT NULL) \
             OR $4 <> before.email_key) \
     ), token AS ( \
         INSERT INTO tokens (hash, account, purpose, expires, email, email_key) \
         SELECT $6::bytea, id, 'activation', $7, $8, $9 FROM before WHERE $6::bytea IS NOT NULL \
         ON CONFLICT (account, purpose) DO UPDATE \
         SET hash = excluded.hash, expires = excluded.expires, \
             email = excluded.email, email_key = excluded.email_key \
     ), mail AS ( \
         INSERT INTO mail_queue (recipient, subject, text, html) \
         SELECT $8, $10, $11, $12 FROM before WHERE $6::bytea IS NOT NULL \
     ) UPDATE accounts SET name = coalesce($2, name), email = coalesce($3, email), \
         email_key = coalesce($4, accounts.email_key), \
         password_hash = coalesce($5, password_hash), \
         generation = generation + CASE WHEN $5 IS NULL THEN 0 ELSE 1 END \
     FROM before WHERE accounts.id = before.id RETURNING",
    ""
);

/// Uses an activation token up.
const ACTIVATE: &str = account!(
    "WITH used AS ( \
         DELETE FROM tokens WHERE hash = $1 AND purpose = 'activation' AND expires > $2 \
         RETURNING account, email, email_key \
     ), withdrawn AS ( \
         DELETE FROM tokens USING used WHERE tokens.account = used.account \
         AND used.email IS NOT NULL AND tokens.hash <> $1 \
     ) UPDATE accounts SET active = TRUE, email = coalesce(used.email, accounts.email), \
         email_key = coalesce(used.email_key, accounts.email_key) \
     FROM used WHERE accounts.id = used.account RETURNING",
    ""
);

/// The account of an activation token, as it will be.
const ACTIVATABLE: &str = "\
    SELECT accounts.id, accounts.name, coalesce(tokens.email, accounts.email), TRUE, \
        accounts.created, accounts.generation \
    FROM tokens JOIN accounts ON accounts.id = tokens.account \
    WHERE tokens.hash = $1 AND tokens.purpose = 'activation' AND tokens.expires > $2";

/// What of a name and an address is taken by accounts other than this one.
const TAKEN: &str = "\
    SELECT coalesce(bool_or(name = $2), FALSE), coalesce(bool_or(email_key = $3), FALSE) \
    FROM accounts WHERE id IS DISTINCT FROM $1 AND (name = $2 OR email_key = $3)";

/// Takes a wish out, and keeps a reset token in place of an earlier one, with its mail.
const BEGIN_RESET: &str = "\
    WITH owner AS (SELECT id, email_key FROM accounts WHERE id = $1 FOR KEY SHARE), \
    wish AS ( \
        DELETE FROM reset_requests USING owner \
        WHERE reset_requests.email_key = owner.email_key RETURNING owner.id \
    ), token AS ( \
        INSERT INTO tokens (hash, account, purpose, expires) \
        SELECT $2, id, 'reset', $3 FROM wish \
        ON CONFLICT (account, purpose) DO UPDATE \
        SET hash = excluded.hash, expires = excluded.expires \
    ), mail AS ( \
        INSERT INTO mail_queue (recipient, subject, text, html) \
        SELECT $4, $5, $6, $7 FROM wish \
    ) SELECT id FROM wish";

/// Uses a reset token up.
const FINISH_RESET: &str = account!(
    "WITH used AS ( \
         DELETE FROM tokens WHERE hash = $1 AND purpose = 'reset' AND expires > $2 \
         RETURNING account \
     ), withdrawn AS ( \
         DELETE FROM tokens USING used WHERE tokens.account = used.account AND tokens.hash <> $1 \
     ) UPDATE accounts SET password_hash = $3, generation = generation + 1, active = TRUE \
     FROM used WHERE accounts.id = used.account RETURNING",
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
        let database = self.clone();
        Box::pin(async move {
            let key = email_key(&new.email);
            let added = database.account(ADD, &columns(&new, &key)).await;
            database.added(added, &new, &key).await
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
            let added = database.account(REGISTER, &values).await;
            database.added(added, &new, &key).await
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
            let (email, confirmed) = match email {
                Some(NewEmail::AtOnce(email)) => (Some(email), None),
                Some(NewEmail::Confirmed(token, mail)) => (None, Some((token, mail))),
                None => (None, None),
            };
            let key = email.as_deref().map(email_key);
            let (token, mail) = confirmed.unzip();
            let later = mail.as_ref().map(|mail| email_key(&mail.to));
            if later.is_some() {
                // No constraint says so before the address is confirmed.
                let taken = database.taken(Some(id), name.as_ref(), later.as_ref());
                if let Some(taken) = taken.await? {
                    return Err(StoreError::Taken(taken));
                }
            }
            let hash = token.as_ref().map(|token| token.hash.0.as_slice());
            let expires = token.as_ref().map(|token| token.expires.0);
            let mail = mail.map(|mail| [mail.to, mail.subject, mail.text, mail.html]);
            let [to, subject, text, html] = mail.map_or([const { None }; 4], |it| it.map(Some));
            let values: [&(dyn ToSql + Sync); 12] = [
                &id,
                &name,
                &email,
                &key,
                &password_hash,
                &hash,
                &expires,
                &to,
                &later,
                &subject,
                &text,
                &html,
            ];
            let changed = database.account(CHANGE, &values).await;
            database
                .or_all_taken(changed, Some(id), name.as_ref(), key.as_ref())
                .await
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
            let hash = token.0.as_slice();
            database.account(ACTIVATABLE, &[&hash, &now.0]).await
        })
    }

    fn ask_reset(&self, email: String, now: UnixTime) -> Pending<()> {
        let database = self.clone();
        Box::pin(async move {
            let text = "INSERT INTO reset_requests (email_key, asked) VALUES ($1, $2) \
                        ON CONFLICT DO NOTHING";
            database.query(text, &[&email_key(&email), &now.0]).await?;
            Ok(())
        })
    }

    fn asked_reset(&self) -> Pending<Option<String>> {
        let database = self.clone();
        Box::pin(async move {
            let text = "SELECT email_key FROM reset_requests ORDER BY asked LIMIT 1";
            let row = database.query_one(text, &[]).await?;
            Ok(row.map(|row| row.try_get(0)).transpose()?)
        })
    }

    fn forget_reset(&self, email: String) -> Pending<()> {
        let database = self.clone();
        Box::pin(async move {
            let text = "DELETE FROM reset_requests WHERE email_key = $1";
            database.query(text, &[&email_key(&email)]).await?;
            Ok(())
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

    /// What adding an account came to.
    async fn added(
        &self,
        added: Result<Option<Account>, StoreError>,
        new: &NewAccount,
        key: &String,
    ) -> Result<Account, StoreError> {
        let added = self.or_all_taken(added, None, Some(&new.name), Some(key));
        added.await?.ok_or_else(nothing_added)
    }

    /// The same, with an error that says all that is taken: the server stops at the first of it.
    async fn or_all_taken<T>(
        &self,
        result: Result<T, StoreError>,
        id: Option<i64>,
        name: Option<&String>,
        key: Option<&String>,
    ) -> Result<T, StoreError> {
        match result {
            Err(StoreError::Taken(first)) => {
                let besides = self.taken(id, name, key).await?;
                Err(StoreError::Taken(first.and(besides)))
            }
            result => result,
        }
    }

    /// What of a name and an address is taken by accounts other than this one.
    async fn taken(
        &self,
        id: Option<i64>,
        name: Option<&String>,
        key: Option<&String>,
    ) -> Result<Option<Unique>, StoreError> {
        let row = self.query_one(TAKEN, &[&id, &name, &key]).await?;
        let Some(row) = row else {
            return Err(StoreError::Broken("an aggregate gave no row".to_owned()));
        };
        Ok(Unique::of_account(row.try_get(0)?, row.try_get(1)?))
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
