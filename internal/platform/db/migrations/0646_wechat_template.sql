CREATE TABLE wechat_template (
  code         VARCHAR(32) NOT NULL,             -- ours: request, work, notice, digest
  template_id  VARCHAR(64) NOT NULL,             -- of WeChat
  kind         VARCHAR(20) NOT NULL,             -- once: a message for each leave that was given; long: for good
  fields       VARCHAR(2000) NOT NULL,           -- what stands in which of its fields, as JSON
  bad_in_row   INT NOT NULL DEFAULT 0,           -- messages in a row that WeChat refused as ill-formed
  paused_until DATETIME(3) NULL,
  version      BIGINT NOT NULL DEFAULT 1,
  changed_at   DATETIME(3) NOT NULL,
  PRIMARY KEY (code)
);
