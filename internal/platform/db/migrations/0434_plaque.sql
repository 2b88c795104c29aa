CREATE TABLE plaque (
  id           BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id    BIGINT NOT NULL,
  unit_id      BIGINT NOT NULL,                -- in whose roster the member stands
  premises_id  BIGINT NOT NULL,                -- at whose door it hangs
  oath         INT NOT NULL,                   -- version of the words beside the name
  state        VARCHAR(20) NOT NULL,           -- proposed, consented, issued, hung, suspended, returned
  door_shown   BOOLEAN NOT NULL DEFAULT 0,
  reason       VARCHAR(200) NOT NULL,          -- of the newest suspension or return; its member reads it
  proposed_by  BIGINT NOT NULL,
  proposed_at  DATETIME(3) NOT NULL,
  consented_at DATETIME(3) NULL,
  issued_at    DATETIME(3) NULL,
  hung_at      DATETIME(3) NULL,
  suspended_at DATETIME(3) NULL,
  returned_at  DATETIME(3) NULL,
  ordered_at   DATETIME(3) NULL,               -- its member has withdrawn the consent: it must come back
  version      BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT plaque_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT plaque_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT plaque_premises_fk FOREIGN KEY (premises_id) REFERENCES premises (id),
  CONSTRAINT plaque_by_fk FOREIGN KEY (proposed_by) REFERENCES person (id),
  KEY plaque_person (person_id, id),
  KEY plaque_unit (unit_id, id),
  KEY plaque_premises (premises_id),
  KEY plaque_by (proposed_by),
  KEY plaque_state (state, ordered_at, id)
);
