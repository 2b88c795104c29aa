CREATE TABLE recovery_code (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id  BIGINT NOT NULL,
  hash       VARCHAR(200) NOT NULL,           -- argon2id, PHC string
  created_at DATETIME(3) NOT NULL,
  used_at    DATETIME(3) NULL,
  CONSTRAINT recovery_code_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY recovery_code_person (person_id)
);
