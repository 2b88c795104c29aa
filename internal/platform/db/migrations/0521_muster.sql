CREATE TABLE muster (
  id              BIGINT AUTO_INCREMENT PRIMARY KEY,
  request_id      BIGINT NOT NULL,
  open_request_id BIGINT NULL,                -- the request until it is over: one at a time
  unit_id         BIGINT NOT NULL,            -- of who called
  state           VARCHAR(20) NOT NULL,       -- asking, started, done, cancelled
  skills          VARCHAR(200) NOT NULL,      -- any of them is wanted
  note_sealed     VARBINARY(1000) NULL,       -- what those who are asked should know
  meet_at         DATETIME(3) NULL,
  called_by       BIGINT NOT NULL,
  assignment_id   BIGINT NOT NULL,
  called_at       DATETIME(3) NOT NULL,
  begun_at        DATETIME(3) NULL,
  ended_at        DATETIME(3) NULL,
  version         BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT muster_open UNIQUE (open_request_id),
  CONSTRAINT muster_request_fk FOREIGN KEY (request_id) REFERENCES request (id),
  KEY muster_request (request_id, id),
  KEY muster_called (called_at, id)
);
