CREATE TABLE area_split_answer (
  split_id    BIGINT NOT NULL,
  area_id     BIGINT NOT NULL,                 -- an area that gets doors
  answer      VARCHAR(20) NOT NULL,            -- asked, accepted, declined
  reason      VARCHAR(200) NOT NULL DEFAULT '',
  answered_by BIGINT NULL,
  answered_at DATETIME(3) NULL,
  PRIMARY KEY (split_id, area_id),
  CONSTRAINT area_split_answer_split_fk FOREIGN KEY (split_id) REFERENCES area_split (id),
  CONSTRAINT area_split_answer_area_fk FOREIGN KEY (area_id) REFERENCES unit (id),
  CONSTRAINT area_split_answer_person_fk FOREIGN KEY (answered_by) REFERENCES person (id),
  KEY area_split_answer_area (area_id),
  KEY area_split_answer_person (answered_by)
);
