CREATE TABLE presence (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id   BIGINT NOT NULL,
  unit_id     BIGINT NOT NULL,                 -- a level-4 place
  day         CHAR(10) NOT NULL,               -- 2026-05-11, in Asia/Shanghai
  state       VARCHAR(20) NOT NULL,            -- claimed, confirmed, refused, withdrawn
  happened_at DATETIME(3) NOT NULL,            -- of the first evidence
  recorded_at DATETIME(3) NOT NULL,
  due_at      DATETIME(3) NULL,                -- when a claim lapses
  decided_by  BIGINT NULL,
  decided_at  DATETIME(3) NULL,
  reason      VARCHAR(200) NOT NULL DEFAULT '',
  version     BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT presence_day UNIQUE (person_id, unit_id, day),
  CONSTRAINT presence_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT presence_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT presence_decided_fk FOREIGN KEY (decided_by) REFERENCES person (id),
  KEY presence_person (person_id, recorded_at, id),
  KEY presence_unit (unit_id, recorded_at, id),
  KEY presence_at (recorded_at, id),
  KEY presence_due (state, due_at, id),
  KEY presence_decided (decided_by)
);
