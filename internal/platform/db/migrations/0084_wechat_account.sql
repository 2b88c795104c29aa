CREATE TABLE wechat_account (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  app_id        VARCHAR(64) NOT NULL,
  openid_hash   VARBINARY(32) NOT NULL,       -- keyed
  openid_sealed VARBINARY(400) NULL,          -- NULL only between the insert and the sealing
  unionid_hash  VARBINARY(32) NULL,
  person_id     BIGINT NULL,
  state         VARCHAR(20) NOT NULL,         -- unverified, bound, invalid, closed
  created_at    DATETIME(3) NOT NULL,
  bound_at      DATETIME(3) NULL,
  held_until    DATETIME(3) NULL,             -- it replaced another one: no sensitive rights before
  CONSTRAINT wechat_account_openid UNIQUE (app_id, openid_hash),
  CONSTRAINT wechat_account_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY wechat_account_person (person_id, state),
  KEY wechat_account_union (unionid_hash)
);
