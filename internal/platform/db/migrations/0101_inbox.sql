CREATE TABLE inbox (
  person_id      BIGINT NOT NULL,
  seq            BIGINT NOT NULL,
  kind           VARCHAR(32) NOT NULL,
  prio           SMALLINT NOT NULL,
  assignment_id  BIGINT NULL,                 -- the role it is for; NULL: for the person
  ref_type       VARCHAR(32) NOT NULL,
  ref_id         BIGINT NOT NULL,
  args           VARCHAR(1024) NULL,          -- public labels, counts and times, as JSON
  dedupe_key     VARCHAR(64) NULL,
  created_at     DATETIME(3) NOT NULL,
  PRIMARY KEY (person_id, seq),
  CONSTRAINT inbox_once UNIQUE (person_id, dedupe_key),
  KEY inbox_kind (person_id, kind, seq)
);
