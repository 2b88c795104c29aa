CREATE TABLE asker_number (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  asker_id    BIGINT NOT NULL,                 -- had left this number, and has corrected it or taken it back
  phone_index SMALLINT NOT NULL,               -- 12 bits: tells a number apart from most, and nobody which one it was
  left_until  DATETIME(3) NOT NULL,
  CONSTRAINT asker_number_once UNIQUE (asker_id, phone_index),
  CONSTRAINT asker_number_asker_fk FOREIGN KEY (asker_id) REFERENCES request_asker (id)
);
