CREATE TABLE promise (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  request_id    BIGINT NULL,                   -- none: it was made at a door, and nothing else was asked
  premises_id   BIGINT NULL,
  visit_id      BIGINT NULL,                   -- at which it was made
  unit_id       BIGINT NOT NULL,               -- whose word it is: of a role in a unit, and of whoever comes after
  role          VARCHAR(30) NOT NULL,
  person_id     BIGINT NOT NULL,               -- who gave it
  assignment_id BIGINT NOT NULL,
  due_on        CHAR(10) NOT NULL,
  state         VARCHAR(20) NOT NULL,          -- open, kept, dropped
  moved         SMALLINT NOT NULL DEFAULT 0,
  text_sealed   VARBINARY(1000) NULL,
  reason_sealed VARBINARY(1000) NULL,          -- why it was moved or dropped, for the asker
  remind_at     DATETIME(3) NULL,              -- none: reminded, or too late to be
  made_at       DATETIME(3) NOT NULL,
  ended_at      DATETIME(3) NULL,
  version       BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT promise_request_fk FOREIGN KEY (request_id) REFERENCES request (id),
  CONSTRAINT promise_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT promise_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY promise_unit (unit_id, state, due_on, id),
  KEY promise_premises (premises_id, state),
  KEY promise_request (request_id, id),
  KEY promise_person (person_id),
  KEY promise_remind (remind_at, id)
);
