CREATE TABLE account_conflict (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  account_id BIGINT NOT NULL,                 -- these two share a unionid and are two persons: somebody must look
  other_id   BIGINT NOT NULL,
  at         DATETIME(3) NOT NULL,
  settled_at DATETIME(3) NULL,
  CONSTRAINT account_conflict_once UNIQUE (account_id, other_id),
  CONSTRAINT account_conflict_account_fk FOREIGN KEY (account_id) REFERENCES wechat_account (id),
  CONSTRAINT account_conflict_other_fk FOREIGN KEY (other_id) REFERENCES wechat_account (id),
  KEY account_conflict_other (other_id)
);
