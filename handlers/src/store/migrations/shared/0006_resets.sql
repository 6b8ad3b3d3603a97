-- Addresses whose owners are to be mailed a reset link, be there an account or not.

CREATE TABLE reset_requests (
    -- In lower case.
    email_key TEXT PRIMARY KEY,
    asked BIGINT NOT NULL
);

CREATE INDEX reset_requests_asked ON reset_requests (asked);
