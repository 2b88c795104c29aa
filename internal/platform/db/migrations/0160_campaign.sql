CREATE TABLE campaign (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  title         VARCHAR(80) NOT NULL,
  body          TEXT NOT NULL,
  state         VARCHAR(20) NOT NULL,            -- draft, running, closed
  unit_id       BIGINT NOT NULL,                 -- whose it is
  role          VARCHAR(30) NOT NULL,            -- in which role of that unit it was made
  created_by    BIGINT NOT NULL,
  assignment_id BIGINT NOT NULL,
  created_at    DATETIME(3) NOT NULL,
  started_at    DATETIME(3) NULL,
  closed_at     DATETIME(3) NULL,
  coverage      TEXT NULL,                       -- JSON, what was there at closing
  version       BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT campaign_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT campaign_person_fk FOREIGN KEY (created_by) REFERENCES person (id),
  CONSTRAINT campaign_assignment_fk FOREIGN KEY (assignment_id) REFERENCES role_assignment (id),
  KEY campaign_unit (unit_id, created_at, id),
  KEY campaign_at (created_at, id),
  KEY campaign_person (created_by),
  KEY campaign_assignment (assignment_id)
);
