CREATE TABLE push_ticket (
  hash        VARBINARY(32) PRIMARY KEY,      -- SHA-256; used only while Redis is away
  session_id  BIGINT NOT NULL,
  expires_at  DATETIME(3) NOT NULL,
  used_at     DATETIME(3) NULL,
  KEY push_ticket_end (expires_at)
);
