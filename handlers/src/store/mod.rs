//! Where the applications keep what must outlive them: one store for each domain.
//!
//! A store is a trait whose methods give futures that stay on their worker; two databases implement
//! all of them, and an application cannot tell which one it has. Must not know HTTP.
//!
//! | file | is |
//! |---|---|
//! | `catalogue` | [`Catalogue`]: brands and their products |
//! | `key_values` | [`KeyValues`]: names and values |
//! | `accounts` | [`Accounts`]: who may log in, and the single-use tokens that were mailed to them |
//! | `sessions` | [`Sessions`]: which logins have been revoked |
//! | `mail_queue` | [`MailQueue`]: mail that was promised and is not sent yet |
//! | `error` | [`StoreError`] |
//! | `database`, `open` | [`Database`]: which one, as users name it; opening it |
//! | `migrations` | the numbered SQL files that bring its tables up to date |
//! | `sqlite`, `postgres` | all stores in SQLite, and in PostgreSQL |
//! | `pool` | a bounded number of connections, and who waits for one |
//! | `time` | [`UnixTime`]: a moment as databases keep it |

mod accounts;
mod catalogue;
mod database;
mod error;
mod key_values;
mod mail_queue;
mod migrations;
mod open;
mod pool;
mod postgres;
mod sessions;
mod sqlite;
mod time;

use std::fmt;
use std::sync::Arc;

pub use accounts::{
    Account, AccountChange, Accounts, Credentials, NewAccount, NewEmail, NewToken, TokenHash,
};
pub use catalogue::{Brand, Catalogue, NewProduct, Product};
use container::handler::LocalFuture;
pub use database::{Database, DatabaseError};
pub use error::{StoreError, Unique};
pub use key_values::KeyValues;
pub use mail_queue::{MailQueue, NewMail, QueuedMail};
pub use open::{OpenError, OpenOptions};
pub use postgres::PostgresAddress;
pub use sessions::Sessions;
pub use time::UnixTime;

/// What a store's methods give: a future that stays on its worker and borrows nothing.
pub type Pending<T> = LocalFuture<Result<T, StoreError>>;

/// All stores of one database. Clones share it.
#[derive(Clone)]
pub struct Stores {
    /// Brands and their products.
    pub catalogue: Arc<dyn Catalogue>,
    /// Names and values.
    pub key_values: Arc<dyn KeyValues>,
    /// Who may log in.
    pub accounts: Arc<dyn Accounts>,
    /// Which logins have been revoked.
    pub sessions: Arc<dyn Sessions>,
    /// Mail that is not sent yet.
    pub mail_queue: Arc<dyn MailQueue>,
}

impl Stores {
    /// How many connections each worker has to PostgreSQL unless it is told: with 16 workers they
    /// leave some of the 100 that a server allows, and four statements at once keep a processor of
    /// the server busy.
    pub const CONNECTIONS: usize = 4;

    /// All of them in one database.
    fn of<D>(database: &Arc<D>) -> Stores
    where
        D: Catalogue + KeyValues + Accounts + Sessions + MailQueue + 'static,
    {
        Stores {
            catalogue: database.clone(),
            key_values: database.clone(),
            accounts: database.clone(),
            sessions: database.clone(),
            mail_queue: database.clone(),
        }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stores").finish_non_exhaustive()
    }
}

/// What an address is unique and found by: the same in both databases, whatever they take for
/// upper and lower case.
fn email_key(email: &str) -> String {
    email.to_lowercase()
}
