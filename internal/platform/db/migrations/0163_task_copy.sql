CREATE TABLE task_copy (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  task_id       BIGINT NOT NULL,
  unit_id       BIGINT NOT NULL,                 -- the role it is for stands here
  role          VARCHAR(30) NOT NULL,
  person_id     BIGINT NULL,                     -- one person in that role, NULL: whoever has it
  state         VARCHAR(20) NOT NULL,            -- open, accepted, declined, reported, returned, done, cancelled
  live          BOOLEAN NOT NULL DEFAULT 1,      -- something is still to be done
  due_at        DATETIME(3) NULL,
  report        TEXT NOT NULL,                   -- the newest
  evidence      TEXT NOT NULL,                   -- in the words of the receiver, where the task takes any
  ticks         TEXT NOT NULL,                   -- JSON, which items of the checklist are done
  reason        VARCHAR(200) NOT NULL,           -- of the newest refusal, return or end
  reported_at   DATETIME(3) NULL,
  created_at    DATETIME(3) NOT NULL,
  version       BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT task_copy_task_fk FOREIGN KEY (task_id) REFERENCES task (id),
  CONSTRAINT task_copy_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT task_copy_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY task_copy_seat (unit_id, role, live, created_at, id),
  KEY task_copy_task (task_id, id),
  KEY task_copy_person (person_id),
  KEY task_copy_due (live, due_at, id)
);
