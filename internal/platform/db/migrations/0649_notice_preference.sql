CREATE TABLE notice_preference (
  person_id BIGINT NOT NULL,
  kind      VARCHAR(32) NOT NULL,
  wechat    BOOLEAN NOT NULL,
  digest    BOOLEAN NOT NULL,
  muted     BOOLEAN NOT NULL,                    -- the inbox alone
  PRIMARY KEY (person_id, kind)
);
