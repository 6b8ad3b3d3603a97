//! The mail queue in PostgreSQL.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::Postgres;
use crate::store::{MailQueue, NewMail, Pending, QueuedMail, StoreError, UnixTime};

/// Takes those that are due, passing over those that somebody takes at this moment.
const CLAIM: &str = "\
    WITH due AS ( \
        SELECT id, due FROM mail_queue WHERE due <= $1 ORDER BY due, id LIMIT $3 \
        FOR UPDATE SKIP LOCKED \
    ), claimed AS ( \
        UPDATE mail_queue AS mail SET due = $2, attempts = attempts + 1 FROM due \
        WHERE mail.id = due.id \
        RETURNING mail.id, recipient, subject, text, html, attempts - 1 AS attempts, \
            due.due AS was_due \
    ) SELECT id, recipient, subject, text, html, attempts FROM claimed ORDER BY was_due, id";

impl MailQueue for Postgres {
    fn add(&self, mail: NewMail) -> Pending<()> {
        let database = self.clone();
        Box::pin(async move {
            let text = "INSERT INTO mail_queue (recipient, subject, text, html) \
                        VALUES ($1, $2, $3, $4)";
            database.query(text, &texts(&mail)).await?;
            Ok(())
        })
    }

    fn claim(&self, now: UnixTime, until: UnixTime, limit: u32) -> Pending<Vec<QueuedMail>> {
        let database = self.clone();
        Box::pin(async move {
            let limit = i64::from(limit);
            let rows = database.query(CLAIM, &[&now.0, &until.0, &limit]).await?;
            rows.iter().map(queued).collect()
        })
    }

    fn remove(&self, id: i64) -> Pending<()> {
        let database = self.clone();
        Box::pin(async move {
            let text = "DELETE FROM mail_queue WHERE id = $1";
            database.query(text, &[&id]).await?;
            Ok(())
        })
    }

    fn postpone(&self, id: i64, next: UnixTime, error: String) -> Pending<()> {
        let database = self.clone();
        Box::pin(async move {
            let text = "UPDATE mail_queue SET due = $2, error = $3 WHERE id = $1";
            database.query(text, &[&id, &next.0, &error]).await?;
            Ok(())
        })
    }

    fn count(&self) -> Pending<u64> {
        let database = self.clone();
        Box::pin(async move {
            let text = "SELECT count(*) FROM mail_queue";
            database.query_count(text, &[]).await
        })
    }
}

/// The columns of a new mail.
pub(super) fn texts(mail: &NewMail) -> [&(dyn ToSql + Sync); 4] {
    [&mail.to, &mail.subject, &mail.text, &mail.html]
}

fn queued(row: &Row) -> Result<QueuedMail, StoreError> {
    let attempts: i32 = row.try_get(5)?;
    Ok(QueuedMail {
        id: row.try_get(0)?,
        mail: NewMail {
            to: row.try_get(1)?,
            subject: row.try_get(2)?,
            text: row.try_get(3)?,
            html: row.try_get(4)?,
        },
        attempts: attempts.unsigned_abs(),
    })
}
