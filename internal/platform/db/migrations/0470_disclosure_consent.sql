CREATE TABLE disclosure_consent (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id     BIGINT NOT NULL,
  purpose       VARCHAR(40) NOT NULL,
  version       BIGINT NOT NULL,               -- of the words that were answered
  state         VARCHAR(20) NOT NULL,          -- given, refused, withdrawn, superseded
  newest        BOOLEAN NULL,                  -- 1: what the person said last on the purpose; else NULL
  said_at       DATETIME(3) NOT NULL,
  ended_at      DATETIME(3) NULL,
  recorded_by   BIGINT NOT NULL,               -- the person, or who wrote it down for them
  assignment_id BIGINT NULL,                   -- of who wrote it down
  witness_id    BIGINT NULL,                   -- who was there when it was said
  CONSTRAINT disclosure_consent_newest UNIQUE (person_id, purpose, newest),
  CONSTRAINT disclosure_consent_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT disclosure_consent_by_fk FOREIGN KEY (recorded_by) REFERENCES person (id),
  CONSTRAINT disclosure_consent_witness_fk FOREIGN KEY (witness_id) REFERENCES person (id),
  KEY disclosure_consent_by (recorded_by),
  KEY disclosure_consent_witness (witness_id),
  KEY disclosure_consent_ended (ended_at, id)
);
