CREATE TABLE pin (
  person_id   BIGINT NOT NULL,
  device_hash VARBINARY(32) NOT NULL,         -- it counts on this device alone
  hash        VARCHAR(200) NOT NULL,          -- argon2id, PHC string
  tries       INT NOT NULL,                   -- wrong ones in a row; the fifth is the last
  created_at  DATETIME(3) NOT NULL,
  used_at     DATETIME(3) NOT NULL,           -- last set or shown
  PRIMARY KEY (person_id, device_hash),
  CONSTRAINT pin_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY pin_used (used_at)
);
