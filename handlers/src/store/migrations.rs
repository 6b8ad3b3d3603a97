//! The numbered SQL files that bring the tables of a database up to date. Must not run them: each
//! database does so in its own way, under a lock, and records in the table `migrations` what was.
//!
//! A file that was released is never changed; what is to be different comes in a new one.

use super::OpenError;

/// One file.
pub(super) struct Migration {
    /// Its number, from 1 and without a gap.
    pub(super) number: i64,
    /// What it does, in a word.
    pub(super) name: &'static str,
    /// Its statements.
    pub(super) sql: &'static str,
}

macro_rules! migration {
    ($number:literal, $name:literal, $folder:literal, $file:literal) => {
        Migration {
            number: $number,
            name: $name,
            sql: include_str!(concat!("migrations/", $folder, "/", $file, ".sql")),
        }
    };
}

/// Makes the table in which they are recorded, unless it is there.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations \
    (number BIGINT PRIMARY KEY, name TEXT NOT NULL)";

/// The newest that was applied, 0 if none was.
pub(super) const NEWEST: &str = "SELECT coalesce(max(number), 0) FROM migrations";

/// Records one.
pub(super) const RECORD: &str = "INSERT INTO migrations (number, name) VALUES ($1, $2)";

/// Those of SQLite, in order.
pub(super) const SQLITE: &[Migration] = &[
    migration!(1, "tables", "sqlite", "0001_tables"),
    migration!(2, "seed", "shared", "0002_seed"),
    migration!(3, "generations", "shared", "0003_generations"),
    migration!(4, "unconfirmed", "shared", "0004_unconfirmed"),
    migration!(5, "links", "shared", "0005_links"),
    migration!(6, "resets", "shared", "0006_resets"),
];

/// Those of PostgreSQL.
pub(super) const POSTGRES: &[Migration] = &[
    migration!(1, "tables", "postgres", "0001_tables"),
    migration!(2, "seed", "shared", "0002_seed"),
    migration!(3, "generations", "shared", "0003_generations"),
    migration!(4, "unconfirmed", "shared", "0004_unconfirmed"),
    migration!(5, "links", "shared", "0005_links"),
    migration!(6, "resets", "shared", "0006_resets"),
];

/// Those of `all` that are to be applied where `applied` is the newest that was.
///
/// # Errors
/// When that is newer than all.
pub(super) fn missing(all: &[Migration], applied: i64) -> Result<&[Migration], OpenError> {
    let known = all.last().map_or(0, |last| last.number);
    if applied > known {
        return Err(OpenError::Newer {
            found: applied,
            known,
        });
    }
    let first = all.partition_point(|migration| migration.number <= applied);
    Ok(&all[first..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_numbered_without_a_gap() {
        for all in [SQLITE, POSTGRES] {
            let numbers: Vec<i64> = all.iter().map(|migration| migration.number).collect();
            let expected: Vec<i64> = (1..).take(all.len()).collect();
            assert_eq!(numbers, expected);
        }
    }

    #[test]
    fn only_what_is_missing_is_applied() {
        let check = |applied, expected: Result<&[i64], OpenError>| {
            let numbers = missing(SQLITE, applied)
                .map(|all| all.iter().map(|migration| migration.number).collect());
            assert_eq!(numbers, expected.map(<[i64]>::to_vec), "{applied}");
        };
        check(0, Ok(&[1, 2, 3, 4, 5, 6]));
        check(4, Ok(&[5, 6]));
        check(6, Ok(&[]));
        check(7, Err(OpenError::Newer { found: 7, known: 6 }));
    }
}
