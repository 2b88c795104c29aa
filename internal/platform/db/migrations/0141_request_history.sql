CREATE TABLE request_history (
  id             BIGINT AUTO_INCREMENT PRIMARY KEY,
  request_id     BIGINT NOT NULL,
  move           VARCHAR(30) NOT NULL,         -- created, accepted, escalated, …
  from_state     VARCHAR(20) NULL,
  to_state       VARCHAR(20) NOT NULL,
  holder_unit_id BIGINT NOT NULL,              -- after the move
  holder_role    VARCHAR(30) NOT NULL,
  level          SMALLINT NOT NULL,
  person_id      BIGINT NULL,                  -- none: a clock
  assignment_id  BIGINT NULL,
  happened_at    DATETIME(3) NOT NULL,
  recorded_at    DATETIME(3) NOT NULL,
  note_sealed    VARBINARY(2100) NULL,
  CONSTRAINT request_history_request_fk FOREIGN KEY (request_id) REFERENCES request (id),
  KEY request_history_request (request_id, id)
);
