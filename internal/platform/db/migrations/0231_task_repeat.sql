CREATE TABLE task_repeat (
  id        BIGINT AUTO_INCREMENT PRIMARY KEY,
  task_id   BIGINT NOT NULL,
  rhythm    VARCHAR(10) NOT NULL,          -- daily, weekly, monthly
  from_day  CHAR(10) NOT NULL,             -- when it was due first
  until_day CHAR(10) NOT NULL,             -- the last day it may be due
  next_day  CHAR(10) NULL,                 -- not before this day its next copies open, NULL: it is over
  target    VARCHAR(600) NOT NULL,         -- JSON, whom it is for
  CONSTRAINT task_repeat_task UNIQUE (task_id),
  CONSTRAINT task_repeat_task_fk FOREIGN KEY (task_id) REFERENCES task (id),
  KEY task_repeat_next (next_day, id)
);
