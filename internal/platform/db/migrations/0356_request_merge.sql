CREATE TABLE request_merge (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  request_id    BIGINT NOT NULL,
  target_id     BIGINT NOT NULL,                 -- who asked for request_id asks for this since
  merged_by     BIGINT NOT NULL,
  merged_at     DATETIME(3) NOT NULL,
  undone_at     DATETIME(3) NULL,
  state         VARCHAR(20) NOT NULL,            -- of request_id before, and its clocks
  accept_due_at DATETIME(3) NULL,
  update_due_at DATETIME(3) NULL,
  solve_due_at  DATETIME(3) NULL,
  wait_until    DATETIME(3) NULL,
  waiting_since DATETIME(3) NULL,
  CONSTRAINT request_merge_request_fk FOREIGN KEY (request_id) REFERENCES request (id),
  CONSTRAINT request_merge_target_fk FOREIGN KEY (target_id) REFERENCES request (id),
  KEY request_merge_request (request_id, id),
  KEY request_merge_target (target_id, id)
);
