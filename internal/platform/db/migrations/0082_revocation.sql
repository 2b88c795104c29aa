CREATE TABLE revocation (
  id     BIGINT AUTO_INCREMENT PRIMARY KEY,
  kind   VARCHAR(10) NOT NULL,                -- session, person, rights
  ref_id BIGINT NOT NULL,                     -- the session or the person
  ver    BIGINT NOT NULL DEFAULT 0,           -- person: tokens with a lower one are refused
  at     DATETIME(3) NOT NULL,
  KEY revocation_at (at)
);
