CREATE TABLE visit (
  id              BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id         BIGINT NOT NULL,             -- the area of the door on that day
  premises_id     BIGINT NOT NULL,
  person_id       BIGINT NOT NULL,
  assignment_id   BIGINT NOT NULL,
  result          VARCHAR(20) NOT NULL,
  reason          VARCHAR(20) NULL,            -- of unable
  note_sealed     VARBINARY(2100) NULL,
  client_ref      CHAR(36) NOT NULL,
  fingerprint     VARBINARY(32) NOT NULL,      -- keyed hash of what was sent: a replay is told from a mistake
  happened_at     DATETIME(3) NOT NULL,        -- the phone's clock, while it can be trusted
  recorded_at     DATETIME(3) NOT NULL,        -- ours
  clock_untrusted BOOLEAN NOT NULL DEFAULT 0,
  CONSTRAINT visit_once UNIQUE (person_id, client_ref),
  CONSTRAINT visit_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT visit_premises_fk FOREIGN KEY (premises_id) REFERENCES premises (id),
  CONSTRAINT visit_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY visit_unit (unit_id, recorded_at, id),
  KEY visit_at (recorded_at, id),
  KEY visit_premises (premises_id, recorded_at, id)
);
