CREATE TABLE break_glass (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id     BIGINT NOT NULL,               -- who opened
  assignment_id BIGINT NOT NULL,
  role          VARCHAR(30) NOT NULL,          -- of the assignment, as the record's page shows it
  unit_id       BIGINT NOT NULL,               -- where the role stands, in the party tree
  object        VARCHAR(30) NOT NULL,          -- household_flags
  object_id     BIGINT NOT NULL,
  area_id       BIGINT NOT NULL,               -- where the record lies
  reason_sealed VARBINARY(1000) NULL,
  state         VARCHAR(20) NOT NULL,          -- open, ended, reviewed
  opened_at     DATETIME(3) NOT NULL,
  ends_at       DATETIME(3) NOT NULL,
  seen_at       DATETIME(3) NOT NULL,          -- the latest moment it was looked at: time that runs back ends it
  week          CHAR(10) NOT NULL,             -- the Monday of its week, for the draw
  review_on     CHAR(10) NOT NULL,             -- the working day on which a reviewer gets it
  review_state  VARCHAR(20) NOT NULL,          -- waiting, asked, spared, done
  reviewer_id   BIGINT NULL,                   -- the assignment of the officer who is asked
  asked_at      DATETIME(3) NULL,
  verdict       VARCHAR(20) NULL,              -- needed, not_needed
  note_sealed   VARBINARY(1000) NULL,
  reviewed_at   DATETIME(3) NULL,
  CONSTRAINT break_glass_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT break_glass_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT break_glass_area_fk FOREIGN KEY (area_id) REFERENCES unit (id),
  KEY break_glass_person (person_id, object, object_id),
  KEY break_glass_object (object, object_id, opened_at, id),
  KEY break_glass_state (state, ends_at, id),
  KEY break_glass_review (review_state, review_on, id),
  KEY break_glass_reviewer (reviewer_id, review_state, id),
  KEY break_glass_week (week, review_state),
  KEY break_glass_unit (unit_id),
  KEY break_glass_area (area_id)
);
