CREATE TABLE member (
  id           BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id    BIGINT NOT NULL,
  unit_id      BIGINT NOT NULL,               -- the home organisation
  status       VARCHAR(30) NOT NULL,          -- full_member, probationary_member
  since_sealed VARBINARY(100) NULL,           -- the day of full membership
  valid_from   CHAR(10) NOT NULL,
  valid_to     CHAR(10) NULL,
  added_at     DATETIME(3) NOT NULL,
  version      BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT member_once UNIQUE (person_id, valid_from),
  CONSTRAINT member_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT member_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  KEY member_unit (unit_id, added_at, id),
  KEY member_at (added_at, id)
);
