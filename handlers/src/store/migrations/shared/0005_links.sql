-- The address that an activation link confirms, where that is not yet its account's; and in lower case.

ALTER TABLE tokens ADD COLUMN email TEXT;
ALTER TABLE tokens ADD COLUMN email_key TEXT;
