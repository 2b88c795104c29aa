CREATE TABLE handover (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  assignment_id BIGINT NOT NULL,                 -- the role that ends
  unit_id       BIGINT NOT NULL,                 -- the centre household it stands on
  area_id       BIGINT NOT NULL,                 -- what it looks after
  state         VARCHAR(20) NOT NULL,            -- announced, packed, signed
  successor_id  BIGINT NULL,                     -- the role of whoever takes over
  pack          TEXT NOT NULL,                   -- what is handed over: ids by kind, as JSON
  announced_at  DATETIME(3) NOT NULL,
  packed_at     DATETIME(3) NULL,
  signed_at     DATETIME(3) NULL,
  version       BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT handover_assignment UNIQUE (assignment_id),
  CONSTRAINT handover_assignment_fk FOREIGN KEY (assignment_id) REFERENCES role_assignment (id),
  CONSTRAINT handover_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT handover_area_fk FOREIGN KEY (area_id) REFERENCES unit (id),
  CONSTRAINT handover_successor_fk FOREIGN KEY (successor_id) REFERENCES role_assignment (id),
  KEY handover_unit (unit_id, state, id),
  KEY handover_area (area_id),
  KEY handover_successor (successor_id)
);
