//! The mail queue in SQLite.

use rusqlite::{Connection, Row};

use super::Sqlite;
use super::text::Text;
use crate::store::{MailQueue, NewMail, Pending, QueuedMail, StoreError, UnixTime};

impl MailQueue for Sqlite {
    fn add(&self, mail: NewMail) -> Pending<()> {
        self.write(move |transaction| put_in(transaction, &mail))
    }

    fn claim(&self, now: UnixTime, until: UnixTime, limit: u32) -> Pending<Vec<QueuedMail>> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached(
                "SELECT id, recipient, subject, text, html, attempts FROM mail_queue \
                 WHERE due <= ?1 ORDER BY due, id LIMIT ?2",
            )?;
            let due = query.query_map((now.0, limit), queued)?;
            let due: Vec<QueuedMail> = due.collect::<Result<_, _>>()?;
            let mut claim = transaction.prepare_cached(
                "UPDATE mail_queue SET due = ?2, attempts = attempts + 1 WHERE id = ?1",
            )?;
            for mail in &due {
                claim.execute((mail.id, until.0))?;
            }
            Ok(due)
        })
    }

    fn remove(&self, id: i64) -> Pending<()> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached("DELETE FROM mail_queue WHERE id = ?1")?;
            query.execute([id])?;
            Ok(())
        })
    }

    fn postpone(&self, id: i64, next: UnixTime, error: String) -> Pending<()> {
        self.write(move |transaction| {
            let mut query = transaction
                .prepare_cached("UPDATE mail_queue SET due = ?2, error = ?3 WHERE id = ?1")?;
            query.execute((id, next.0, Text(error)))?;
            Ok(())
        })
    }

    fn count(&self) -> Pending<u64> {
        self.read(|connection| {
            let mut query = connection.prepare_cached("SELECT count(*) FROM mail_queue")?;
            let count: i64 = query.query_row([], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }
}

/// Puts a mail in, as a part of a transaction.
pub(super) fn put_in(transaction: &Connection, mail: &NewMail) -> Result<(), StoreError> {
    let mut query = transaction.prepare_cached(
        "INSERT INTO mail_queue (recipient, subject, text, html) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let texts = [&mail.to, &mail.subject, &mail.text, &mail.html];
    query.execute(texts.map(Text))?;
    Ok(())
}

fn queued(row: &Row<'_>) -> rusqlite::Result<QueuedMail> {
    Ok(QueuedMail {
        id: row.get(0)?,
        mail: NewMail {
            to: row.get(1)?,
            subject: row.get(2)?,
            text: row.get(3)?,
            html: row.get(4)?,
        },
        attempts: row.get(5)?,
    })
}
