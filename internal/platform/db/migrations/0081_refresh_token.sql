CREATE TABLE refresh_token (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  session_id BIGINT NOT NULL,                 -- a session is one family of tokens
  hash       VARBINARY(32) NOT NULL,          -- SHA-256 of a token of 256 bits
  parent_id  BIGINT NULL,                     -- the token it was given for
  created_at DATETIME(3) NOT NULL,
  used_at    DATETIME(3) NULL,
  CONSTRAINT refresh_token_hash UNIQUE (hash),
  CONSTRAINT refresh_token_parent UNIQUE (parent_id),
  CONSTRAINT refresh_token_session_fk FOREIGN KEY (session_id) REFERENCES session (id),
  KEY refresh_token_session (session_id)
);
