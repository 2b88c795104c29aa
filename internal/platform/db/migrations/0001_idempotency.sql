CREATE TABLE idempotency (
  person_id   BIGINT NOT NULL,                -- 0: nobody had signed in
  operation   VARCHAR(60) NOT NULL,
  idem_key    VARCHAR(64) NOT NULL,
  fingerprint VARBINARY(32) NOT NULL,         -- of the body: the same key with another one is refused
  result      TEXT NOT NULL,                  -- what the effect returned, empty while it runs; never personal
  created_at  DATETIME(3) NOT NULL,
  PRIMARY KEY (person_id, operation, idem_key),
  KEY idempotency_at (created_at)
);
