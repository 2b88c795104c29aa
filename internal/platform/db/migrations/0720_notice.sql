CREATE TABLE notice (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  kind          VARCHAR(32) NOT NULL,
  prio          SMALLINT NOT NULL,
  must_reach    BOOLEAN NOT NULL,                -- who cannot be reached is called
  ref_type      VARCHAR(32) NOT NULL,            -- what it is about; notice: itself
  ref_id        BIGINT NOT NULL,
  args          VARCHAR(1024) NULL,              -- public labels, counts and times, as JSON: once for all who are told
  body          VARCHAR(2000) NOT NULL,          -- what is read on opening it
  unit_id       BIGINT NOT NULL,                 -- whose people are told, and those of all units below
  person_id     BIGINT NULL,                     -- who announced it; NULL: a clock
  assignment_id BIGINT NULL,
  created_at    DATETIME(3) NOT NULL,
  expires_at    DATETIME(3) NULL,                -- who has not been told by then is not told any more
  CONSTRAINT notice_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT notice_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT notice_assignment_fk FOREIGN KEY (assignment_id) REFERENCES role_assignment (id),
  KEY notice_unit (unit_id),
  KEY notice_by (person_id, assignment_id, created_at, id),
  KEY notice_assignment (assignment_id),
  KEY notice_created (created_at, id)
);
