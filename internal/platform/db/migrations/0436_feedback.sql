CREATE TABLE feedback (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  kind        VARCHAR(20) NOT NULL,            -- of the page, as of a takedown
  ref_id      BIGINT NOT NULL,
  unit_id     BIGINT NOT NULL,
  text_sealed VARBINARY(2100) NULL,
  received_at DATETIME(3) NOT NULL,
  CONSTRAINT feedback_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  KEY feedback_unit (unit_id, received_at, id),
  KEY feedback_at (received_at, id)
);
