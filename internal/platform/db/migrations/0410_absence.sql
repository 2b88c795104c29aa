CREATE TABLE absence (
  id              BIGINT AUTO_INCREMENT PRIMARY KEY,
  assignment_id   BIGINT NOT NULL,               -- the role whose holder is away
  person_id       BIGINT NOT NULL,               -- who is away
  unit_id         BIGINT NOT NULL,               -- where the role stands
  stand_in_id     BIGINT NOT NULL,               -- the person who stands in
  stand_in_as     BIGINT NOT NULL,               -- the role by which they belong to the branch
  sees_flags      BOOLEAN NOT NULL DEFAULT 0,    -- the stand-in sees care flags
  valid_from      CHAR(10) NOT NULL,
  valid_to        CHAR(10) NOT NULL,             -- the first day back
  announced_at    DATETIME(3) NOT NULL,
  ended_at        DATETIME(3) NULL,
  ended_by        BIGINT NULL,                   -- NULL: the clock
  CONSTRAINT absence_assignment_fk FOREIGN KEY (assignment_id) REFERENCES role_assignment (id),
  CONSTRAINT absence_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT absence_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT absence_stand_in_fk FOREIGN KEY (stand_in_id) REFERENCES person (id),
  CONSTRAINT absence_stand_in_as_fk FOREIGN KEY (stand_in_as) REFERENCES role_assignment (id),
  CONSTRAINT absence_ended_fk FOREIGN KEY (ended_by) REFERENCES person (id),
  KEY absence_assignment (assignment_id, ended_at, valid_from),
  KEY absence_person (person_id),
  KEY absence_unit (unit_id),
  KEY absence_stand_in (stand_in_id, ended_at, valid_from),
  KEY absence_stand_in_as (stand_in_as),
  KEY absence_ended (ended_by),
  KEY absence_due (ended_at, valid_to)
);
