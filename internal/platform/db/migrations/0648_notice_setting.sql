CREATE TABLE notice_setting (
  person_id  BIGINT NOT NULL,
  quiet_from CHAR(5) NOT NULL,                   -- 21:30, in Asia/Shanghai
  quiet_to   CHAR(5) NOT NULL,
  digest_at  CHAR(5) NOT NULL,
  PRIMARY KEY (person_id)
);
