CREATE TABLE household_mute (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  premises_id BIGINT NOT NULL,
  valid_from  CHAR(10) NOT NULL,
  valid_to    CHAR(10) NOT NULL,               -- the first day on which a visit is welcome again
  visit_id    BIGINT NULL,                     -- at which the household said so
  recorded_at DATETIME(3) NOT NULL,
  CONSTRAINT household_mute_premises_fk FOREIGN KEY (premises_id) REFERENCES premises (id),
  CONSTRAINT household_mute_visit_fk FOREIGN KEY (visit_id) REFERENCES visit (id),
  KEY household_mute_premises (premises_id, valid_to),
  KEY household_mute_visit (visit_id)
);
