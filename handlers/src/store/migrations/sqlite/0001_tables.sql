-- Moments are seconds since 1970-01-01T00:00:00Z. Identifiers are never used twice.

CREATE TABLE brands (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE products (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    brand INTEGER NOT NULL REFERENCES brands (id)
) STRICT;

CREATE INDEX products_brand ON products (brand);

CREATE TABLE key_values (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CONSTRAINT accounts_name UNIQUE,
    email TEXT NOT NULL,
    -- The address in lower case, by which it is unique and found.
    email_key TEXT NOT NULL CONSTRAINT accounts_email UNIQUE,
    -- PHC string.
    password_hash TEXT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    created INTEGER NOT NULL,
    logins_from INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    -- SHA-256 of what was mailed.
    hash BLOB PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL CHECK (purpose IN ('activation', 'reset')),
    expires INTEGER NOT NULL,
    UNIQUE (account, purpose)
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_expires ON tokens (expires);

-- Logins that ended before they expired.
CREATE TABLE revoked (
    id TEXT PRIMARY KEY,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX revoked_expires ON revoked (expires);

CREATE TABLE mail_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    html TEXT NOT NULL,
    -- When it may be tried next.
    due INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- What happened the last time.
    error TEXT
) STRICT;

CREATE INDEX mail_queue_due ON mail_queue (due, id);
