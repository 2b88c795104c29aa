CREATE TABLE request (
  id              BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id         BIGINT NOT NULL,             -- where it was opened: seeing follows it
  place_id        BIGINT NOT NULL,             -- the level-4 unit of unit_id
  premises_id     BIGINT NULL,                 -- the door it came from
  source_visit_id BIGINT NULL,                 -- the visit it came out of
  category        VARCHAR(30) NOT NULL,
  type            VARCHAR(20) NOT NULL,
  channel         VARCHAR(20) NOT NULL,
  state           VARCHAR(20) NOT NULL,
  is_open         BOOLEAN NOT NULL DEFAULT 1,  -- of state, for the lists
  holder_unit_id  BIGINT NOT NULL,             -- who must act now: acting follows it
  holder_role     VARCHAR(30) NOT NULL,        -- a role in that unit; empty: whoever leads it
  level           SMALLINT NOT NULL,           -- of the holder: 1 to 5, 0 beside the levels
  receipt_hash    VARBINARY(32) NOT NULL,
  receipt_sealed  VARBINARY(120) NULL,
  text_sealed     VARBINARY(4100) NULL,
  happened_at     DATETIME(3) NOT NULL,        -- when it was told, by the phone's clock
  recorded_at     DATETIME(3) NOT NULL,        -- ours
  clock_untrusted BOOLEAN NOT NULL DEFAULT 0,
  accept_due_at   DATETIME(3) NULL,
  update_due_at   DATETIME(3) NULL,
  solve_due_at    DATETIME(3) NULL,
  recorded_by     BIGINT NOT NULL,             -- the person who wrote it down; not the asker
  version         BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT request_receipt UNIQUE (receipt_hash),
  CONSTRAINT request_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT request_holder_fk FOREIGN KEY (holder_unit_id) REFERENCES unit (id),
  KEY request_unit (unit_id, is_open, recorded_at, id),
  KEY request_held (holder_unit_id, is_open, recorded_at, id),
  KEY request_at (is_open, recorded_at, id),
  KEY request_due (state, solve_due_at, id),
  KEY request_visit (source_visit_id),
  KEY request_door (premises_id, is_open)
);
