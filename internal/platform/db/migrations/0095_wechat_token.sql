CREATE TABLE wechat_token (
  id           BIGINT AUTO_INCREMENT PRIMARY KEY,
  app_id       VARCHAR(64) NOT NULL,
  token_sealed VARBINARY(4000) NULL,          -- NULL: none, or dropped because it went stale
  expires_at   DATETIME(3) NOT NULL,
  version      BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT wechat_token_app UNIQUE (app_id)
);
