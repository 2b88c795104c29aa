CREATE TABLE role_assignment (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id  BIGINT NOT NULL,
  role       VARCHAR(30) NOT NULL,
  post       VARCHAR(20) NOT NULL DEFAULT '',    -- of a branch officer
  unit_id    BIGINT NOT NULL,
  is_primary BOOLEAN NOT NULL DEFAULT 0,
  valid_from CHAR(10) NOT NULL,
  valid_to   CHAR(10) NULL,
  granted_by BIGINT NULL,                        -- who gave it, NULL: set-up or import
  second_by  BIGINT NULL,                        -- the second person, where two must agree
  document   VARCHAR(100) NOT NULL DEFAULT '',   -- number of the decision, where there is one
  ended_by   BIGINT NULL,
  end_reason VARCHAR(200) NOT NULL DEFAULT '',
  ended_at   DATETIME(3) NULL,                   -- when its rights were taken back
  version    BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT role_assignment_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT role_assignment_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT role_assignment_granted_fk FOREIGN KEY (granted_by) REFERENCES person (id),
  CONSTRAINT role_assignment_second_fk FOREIGN KEY (second_by) REFERENCES person (id),
  CONSTRAINT role_assignment_ended_fk FOREIGN KEY (ended_by) REFERENCES person (id),
  KEY role_assignment_person (person_id, valid_from),
  KEY role_assignment_unit (unit_id, role, valid_from),
  KEY role_assignment_due (ended_at, valid_to),
  KEY role_assignment_granted (granted_by),
  KEY role_assignment_second (second_by),
  KEY role_assignment_ended (ended_by)
);
