CREATE TABLE counter_step (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  request_id  BIGINT NOT NULL,
  place_id    BIGINT NOT NULL,                   -- the counter; place and state are all that is kept
  unit_id     BIGINT NOT NULL,                   -- the level-4 unit that it lies in
  state       VARCHAR(20) NOT NULL,              -- waiting, done, not_needed
  closes      BOOLEAN NOT NULL DEFAULT 0,        -- done, it resolves the request
  added_by    BIGINT NOT NULL,
  added_at    DATETIME(3) NOT NULL,
  finished_by BIGINT NULL,
  finished_at DATETIME(3) NULL,
  CONSTRAINT counter_step_request_fk FOREIGN KEY (request_id) REFERENCES request (id),
  CONSTRAINT counter_step_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  KEY counter_step_request (request_id, state, id),
  KEY counter_step_unit (unit_id, state, added_at)
);
