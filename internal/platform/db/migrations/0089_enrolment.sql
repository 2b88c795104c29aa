CREATE TABLE enrolment (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id   BIGINT NOT NULL,
  account     VARCHAR(64) NOT NULL,
  salt        VARBINARY(16) NOT NULL,         -- the code is made of it and of a key that is not in here
  hash        VARBINARY(32) NOT NULL,         -- keyed
  created_by  BIGINT NOT NULL,
  needs_second BOOLEAN NOT NULL DEFAULT 0,   -- replaces a factor that is in use: two administrators
  second_by   BIGINT NULL,
  created_at  DATETIME(3) NOT NULL,
  expires_at  DATETIME(3) NOT NULL,
  used_at     DATETIME(3) NULL,
  CONSTRAINT enrolment_hash UNIQUE (hash),
  CONSTRAINT enrolment_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT enrolment_creator_fk FOREIGN KEY (created_by) REFERENCES person (id),
  CONSTRAINT enrolment_second_fk FOREIGN KEY (second_by) REFERENCES person (id),
  KEY enrolment_second (second_by),
  KEY enrolment_person (person_id),
  KEY enrolment_creator (created_by)
);
