CREATE TABLE sign_in_challenge (
  hash        VARBINARY(32) PRIMARY KEY,      -- the first factor was shown; the second is awaited
  person_id   BIGINT NOT NULL,
  kind        VARCHAR(10) NOT NULL,           -- sign_in, enrol
  client      VARCHAR(10) NOT NULL,
  device_hash VARBINARY(32) NOT NULL,
  expires_at  DATETIME(3) NOT NULL,
  used_at     DATETIME(3) NULL,
  CONSTRAINT sign_in_challenge_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY sign_in_challenge_person (person_id),
  KEY sign_in_challenge_end (expires_at)
);
