-- Moments are seconds since 1970-01-01T00:00:00Z. Identifiers are never used twice.

CREATE TABLE brands (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE products (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    brand BIGINT NOT NULL REFERENCES brands (id)
);

CREATE INDEX products_brand ON products (brand);

CREATE TABLE key_values (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE accounts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL CONSTRAINT accounts_name UNIQUE,
    email TEXT NOT NULL,
    -- The address in lower case, by which it is unique and found.
    email_key TEXT NOT NULL CONSTRAINT accounts_email UNIQUE,
    -- PHC string.
    password_hash TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    created BIGINT NOT NULL,
    logins_from BIGINT NOT NULL
);

CREATE TABLE tokens (
    -- SHA-256 of what was mailed.
    hash BYTEA PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL CHECK (purpose IN ('activation', 'reset')),
    expires BIGINT NOT NULL,
    UNIQUE (account, purpose)
);

CREATE INDEX tokens_expires ON tokens (expires);

-- Logins that ended before they expired.
CREATE TABLE revoked (
    id TEXT PRIMARY KEY,
    expires BIGINT NOT NULL
);

CREATE INDEX revoked_expires ON revoked (expires);

CREATE TABLE mail_queue (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    html TEXT NOT NULL,
    -- When it may be tried next.
    due BIGINT NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- What happened the last time.
    error TEXT
);

CREATE INDEX mail_queue_due ON mail_queue (due, id);
