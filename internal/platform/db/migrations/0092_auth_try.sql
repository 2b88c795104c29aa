CREATE TABLE auth_try (
  subject VARBINARY(32) PRIMARY KEY,          -- keyed hash of what was tried and by whom
  tries   INT NOT NULL,
  since   DATETIME(3) NOT NULL,
  KEY auth_try_since (since)
);
