CREATE TABLE call_task (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  request_id    BIGINT NOT NULL,
  asker_id      BIGINT NOT NULL,
  unit_id       BIGINT NOT NULL,              -- whose lead calls: where the request was opened
  role          VARCHAR(30) NOT NULL,         -- a role in that unit; empty: whoever leads it
  state         VARCHAR(20) NOT NULL,         -- open, not_reached, reached, dropped
  open_asker_id BIGINT NULL,                  -- the asker until it is over: one at a time
  messages      INT NOT NULL,                 -- how many things there are to tell
  tries         SMALLINT NOT NULL DEFAULT 0,
  tried_on      CHAR(10) NULL,                -- the day of the last try
  due_on        CHAR(10) NOT NULL,
  opened_at     DATETIME(3) NOT NULL,         -- what has happened since then is to be told
  ended_at      DATETIME(3) NULL,
  ended_by      BIGINT NULL,
  version       BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT call_task_open UNIQUE (open_asker_id),
  CONSTRAINT call_task_request_fk FOREIGN KEY (request_id) REFERENCES request (id),
  CONSTRAINT call_task_asker_fk FOREIGN KEY (asker_id) REFERENCES request_asker (id),
  CONSTRAINT call_task_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  KEY call_task_request (request_id),
  KEY call_task_asker (asker_id),
  KEY call_task_caller (unit_id, state, opened_at, id)
);
