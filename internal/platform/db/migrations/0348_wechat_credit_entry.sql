CREATE TABLE wechat_credit_entry (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id  BIGINT NOT NULL,
  template   VARCHAR(32) NOT NULL,
  delta      INT NOT NULL,
  reason     VARCHAR(20) NOT NULL,             -- grant, spend
  send_id    BIGINT NULL,
  client_ref CHAR(36) NULL,
  created_at DATETIME(3) NOT NULL,
  CONSTRAINT wechat_credit_entry_once UNIQUE (person_id, template, client_ref)
);
