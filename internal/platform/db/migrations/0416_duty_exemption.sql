CREATE TABLE duty_exemption (
  person_id BIGINT NOT NULL PRIMARY KEY,
  asked_at  DATETIME(3) NOT NULL,
  CONSTRAINT duty_exemption_person_fk FOREIGN KEY (person_id) REFERENCES person (id)
);
