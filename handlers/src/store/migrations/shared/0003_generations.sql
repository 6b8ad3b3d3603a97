-- Logins are told apart by the password they were made with, and no more by the second in which that
-- was chosen. What stands there goes on as a number that grows by one with each new password.

ALTER TABLE accounts RENAME COLUMN logins_from TO generation;
