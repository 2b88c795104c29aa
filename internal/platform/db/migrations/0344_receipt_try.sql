CREATE TABLE receipt_try (
  subject VARBINARY(32) PRIMARY KEY,           -- keyed hash of a code or an address
  tries   INT NOT NULL,
  since   DATETIME(3) NOT NULL,
  KEY receipt_try_since (since)
);
