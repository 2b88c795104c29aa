CREATE TABLE care_flag (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  premises_id   BIGINT NOT NULL,
  flag_sealed   VARBINARY(1500) NULL,          -- kind, source, purpose, note: no index, nothing to search by
  consent_id    BIGINT NULL,                   -- it rests on one of the two
  basis_id      BIGINT NULL,
  is_temporary  BOOLEAN NOT NULL,
  expires_on    CHAR(10) NOT NULL,             -- the last day on which it is shown
  warn_at       DATETIME(3) NULL,              -- none: its owner has heard that it expires
  purge_on      CHAR(10) NOT NULL,
  seen_at       DATETIME(3) NULL,              -- when a visit last found it right
  person_id     BIGINT NOT NULL,               -- who set or renewed it last
  assignment_id BIGINT NOT NULL,
  recorded_at   DATETIME(3) NOT NULL,
  version       BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT care_flag_premises_fk FOREIGN KEY (premises_id) REFERENCES premises (id),
  CONSTRAINT care_flag_consent_fk FOREIGN KEY (consent_id) REFERENCES household_consent (id),
  CONSTRAINT care_flag_basis_fk FOREIGN KEY (basis_id) REFERENCES legal_basis (id),
  CONSTRAINT care_flag_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY care_flag_premises (premises_id, expires_on),
  KEY care_flag_consent (consent_id),
  KEY care_flag_basis (basis_id),
  KEY care_flag_person (person_id),
  KEY care_flag_warn (warn_at, id),
  KEY care_flag_purge (purge_on, id)
);
