CREATE TABLE own_data (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  kind          VARCHAR(20) NOT NULL,          -- access, correction, deletion
  channel       VARCHAR(20) NOT NULL,          -- app, paper
  person_id     BIGINT NULL,                   -- who asks, signed in
  asker_id      BIGINT NULL,                   -- who asks on paper, by the receipt of a need
  unit_id       BIGINT NULL,                   -- of the office that recorded the paper
  state         VARCHAR(20) NOT NULL,          -- verified, answered, refused
  text_sealed   VARBINARY(2100) NULL,
  answer_sealed VARBINARY(2100) NULL,
  received_at   DATETIME(3) NOT NULL,
  due_on        CHAR(10) NOT NULL,             -- 15 working days
  answered_at   DATETIME(3) NULL,
  recorded_by   BIGINT NOT NULL,
  CONSTRAINT own_data_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT own_data_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  KEY own_data_person (person_id, received_at, id),
  KEY own_data_asker (asker_id, id),
  KEY own_data_unit (unit_id),
  KEY own_data_at (received_at, id)
);
