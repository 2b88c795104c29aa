CREATE TABLE danger_question (
  category VARCHAR(30) PRIMARY KEY,
  answers  TEXT NOT NULL,                        -- JSON: what can be answered, and which numbers to call
  set_by   BIGINT NOT NULL,
  set_at   DATETIME(3) NOT NULL,
  version  BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT danger_question_fk FOREIGN KEY (set_by) REFERENCES person (id),
  KEY danger_question_setter (set_by)
);
