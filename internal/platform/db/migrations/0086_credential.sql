CREATE TABLE credential (
  person_id   BIGINT PRIMARY KEY,
  account     VARCHAR(64) NOT NULL,           -- in lower case
  password    VARCHAR(200) NULL,              -- argon2id, PHC string; NULL: not enrolled yet
  totp_sealed VARBINARY(200) NULL,
  last_step   BIGINT NOT NULL DEFAULT 0,      -- of the TOTP: a step works once
  created_at  DATETIME(3) NOT NULL,
  confirmed_at DATETIME(3) NULL,              -- the second factor was shown; before, nobody can sign in with it
  changed_at  DATETIME(3) NOT NULL,
  CONSTRAINT credential_account UNIQUE (account),
  CONSTRAINT credential_person_fk FOREIGN KEY (person_id) REFERENCES person (id)
);
