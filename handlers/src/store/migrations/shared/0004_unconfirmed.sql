-- Accounts that wait for their owners are looked for from time to time, among all others.

CREATE INDEX accounts_unconfirmed ON accounts (created) WHERE NOT active;
