CREATE TABLE depicted (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  owner_type  VARCHAR(20) NOT NULL,            -- media, publication
  owner_id    BIGINT NOT NULL,
  kind        VARCHAR(20) NOT NULL,            -- member, account, paper: how their word is kept
  person_id   BIGINT NULL,                     -- of an account: once they have said yes with their code
  paper       VARCHAR(40) NOT NULL,            -- number of the signed paper; no name
  code_hash   VARBINARY(32) NULL,              -- of an account
  code_sealed VARBINARY(120) NULL,
  added_by    BIGINT NOT NULL,
  added_at    DATETIME(3) NOT NULL,
  ended_at    DATETIME(3) NULL,                -- they said no to this one
  CONSTRAINT depicted_code UNIQUE (code_hash),
  CONSTRAINT depicted_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY depicted_owner (owner_type, owner_id, id),
  KEY depicted_person (person_id, id)
);
