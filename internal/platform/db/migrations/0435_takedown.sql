CREATE TABLE takedown (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  kind          VARCHAR(20) NOT NULL,          -- of the page: board, plaque, plaques, publication, notices
  ref_id        BIGINT NOT NULL,
  ref_number    INT NOT NULL,                  -- of a board's version; else 0
  unit_id       BIGINT NOT NULL,               -- where the page belongs
  state         VARCHAR(20) NOT NULL,          -- hidden_pending, upheld, declined
  code_hash     VARBINARY(32) NOT NULL,
  code_sealed   VARBINARY(120) NULL,
  text_sealed   VARBINARY(2100) NULL,
  person_id     BIGINT NULL,                   -- who asked, if they had signed in
  received_at   DATETIME(3) NOT NULL,
  due_at        DATETIME(3) NOT NULL,          -- the end of the third working day after
  late_told_at  DATETIME(3) NULL,
  decided_by    BIGINT NULL,
  decided_at    DATETIME(3) NULL,
  reason        VARCHAR(200) NOT NULL,         -- of the decision, in words for who asked
  CONSTRAINT takedown_code UNIQUE (code_hash),
  CONSTRAINT takedown_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT takedown_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT takedown_decided_fk FOREIGN KEY (decided_by) REFERENCES person (id),
  KEY takedown_page (kind, ref_id, state),
  KEY takedown_due (state, due_at, id),
  KEY takedown_unit (unit_id),
  KEY takedown_person (person_id),
  KEY takedown_decided (decided_by)
);
