CREATE TABLE policy_setting (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  name       VARCHAR(60) NOT NULL,
  unit_id    BIGINT NOT NULL,
  enabled    BOOLEAN NOT NULL DEFAULT 0,
  basis_id   BIGINT NULL,                     -- what it rests on: with it, it ends
  reason     VARCHAR(200) NOT NULL,
  changed_by BIGINT NOT NULL,
  changed_at DATETIME(3) NOT NULL,
  version    BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT policy_setting_once UNIQUE (unit_id, name),
  CONSTRAINT policy_setting_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT policy_setting_basis_fk FOREIGN KEY (basis_id) REFERENCES legal_basis (id),
  CONSTRAINT policy_setting_person_fk FOREIGN KEY (changed_by) REFERENCES person (id),
  KEY policy_setting_basis (basis_id),
  KEY policy_setting_person (changed_by)
);
