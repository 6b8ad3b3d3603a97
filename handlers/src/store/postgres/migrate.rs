//! Bringing the tables up to date, under a lock of the server, so that of several programs that
//! start at the same time one does it and the others wait.

use super::connection::Connection;
use super::failure::Failure;
use crate::store::migrations::{self, Migration, POSTGRES};
use crate::store::{OpenError, StoreError};

/// Locks the migrations until the end of the transaction. The number is ours among all that use the
/// database; a minute is more than any migration takes.
const BEGIN: &str = "BEGIN; SET LOCAL client_min_messages = warning; SET LOCAL lock_timeout = '60s'; \
                     SELECT pg_advisory_xact_lock(7162034985);";

/// Applies what is missing: all or nothing.
///
/// # Errors
/// When it cannot, or the database is of a newer version.
pub(super) async fn migrate(connection: &Connection) -> Result<(), OpenError> {
    connection.run(BEGIN).await?;
    connection.run(migrations::TABLE).await?;
    let newest = connection.query(migrations::NEWEST, &[]).await?;
    let applied = newest.first().map(|row| row.try_get(0)).transpose()?;
    for migration in migrations::missing(POSTGRES, applied.unwrap_or(0))? {
        connection.run(migration.sql).await?;
        let Migration { number, name, .. } = migration;
        connection
            .query(migrations::RECORD, &[number, name])
            .await?;
    }
    Ok(connection.run("COMMIT").await?)
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) | StoreError::Broken(reason) => {
                OpenError::Unusable(reason)
            }
            other => OpenError::Unusable(other.to_string()),
        }
    }
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        StoreError::from(failure).into()
    }
}
