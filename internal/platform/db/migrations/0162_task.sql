CREATE TABLE task (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  campaign_id   BIGINT NULL,
  stage_id      BIGINT NULL,
  title         VARCHAR(80) NOT NULL,
  body          TEXT NOT NULL,
  checklist     TEXT NOT NULL,                   -- JSON, the items
  minutes       INT NOT NULL,                    -- what one receiver needs for it
  evidence      VARCHAR(20) NOT NULL,            -- none, optional: never more
  due_at        DATETIME(3) NULL,
  unit_id       BIGINT NOT NULL,                 -- who asks
  role          VARCHAR(30) NOT NULL,            -- in which role of that unit
  created_by    BIGINT NOT NULL,
  assignment_id BIGINT NOT NULL,
  created_at    DATETIME(3) NOT NULL,
  CONSTRAINT task_campaign_fk FOREIGN KEY (campaign_id) REFERENCES campaign (id),
  CONSTRAINT task_stage_fk FOREIGN KEY (stage_id) REFERENCES campaign_stage (id),
  CONSTRAINT task_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT task_person_fk FOREIGN KEY (created_by) REFERENCES person (id),
  CONSTRAINT task_assignment_fk FOREIGN KEY (assignment_id) REFERENCES role_assignment (id),
  KEY task_unit (unit_id, created_at, id),
  KEY task_at (created_at, id),
  KEY task_campaign (campaign_id, id),
  KEY task_stage (stage_id),
  KEY task_person (created_by),
  KEY task_assignment (assignment_id)
);
