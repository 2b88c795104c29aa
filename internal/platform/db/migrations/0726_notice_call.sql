CREATE TABLE notice_call (
  id        BIGINT AUTO_INCREMENT PRIMARY KEY,
  notice_id BIGINT NOT NULL,
  person_id BIGINT NOT NULL,                     -- whom to tell by phone
  state     VARCHAR(20) NOT NULL,                -- open, not_reached, reached, dropped
  tries     SMALLINT NOT NULL DEFAULT 0,
  opened_at DATETIME(3) NOT NULL,
  ended_at  DATETIME(3) NULL,
  ended_by  BIGINT NULL,
  version   BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT notice_call_once UNIQUE (notice_id, person_id),
  CONSTRAINT notice_call_notice_fk FOREIGN KEY (notice_id) REFERENCES notice (id),
  CONSTRAINT notice_call_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY notice_call_person (person_id)
);
