CREATE TABLE task_step (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  copy_id       BIGINT NOT NULL,
  state         VARCHAR(20) NOT NULL,            -- what it became
  note          TEXT NOT NULL,                   -- report or reason
  ticks         TEXT NOT NULL,                   -- JSON, with a report
  person_id     BIGINT NOT NULL,
  assignment_id BIGINT NOT NULL,
  at            DATETIME(3) NOT NULL,
  CONSTRAINT task_step_copy_fk FOREIGN KEY (copy_id) REFERENCES task_copy (id),
  CONSTRAINT task_step_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT task_step_assignment_fk FOREIGN KEY (assignment_id) REFERENCES role_assignment (id),
  KEY task_step_copy (copy_id, id),
  KEY task_step_person (person_id),
  KEY task_step_assignment (assignment_id)
);
