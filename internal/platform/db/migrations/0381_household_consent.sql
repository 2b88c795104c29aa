CREATE TABLE household_consent (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  premises_id   BIGINT NOT NULL,
  purpose       VARCHAR(20) NOT NULL,          -- care_visit, risk_visit
  wording       VARCHAR(20) NOT NULL,          -- which version of the text was read out
  channel       VARCHAR(20) NOT NULL,          -- in_person, phone, paper
  valid_from    CHAR(10) NOT NULL,
  valid_to      CHAR(10) NULL,                 -- the first day on which it does not hold any more
  withdrawn_at  DATETIME(3) NULL,
  person_id     BIGINT NOT NULL,               -- who wrote it down
  assignment_id BIGINT NOT NULL,
  recorded_at   DATETIME(3) NOT NULL,
  CONSTRAINT household_consent_premises_fk FOREIGN KEY (premises_id) REFERENCES premises (id),
  CONSTRAINT household_consent_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY household_consent_premises (premises_id, purpose, valid_from),
  KEY household_consent_person (person_id)
);
