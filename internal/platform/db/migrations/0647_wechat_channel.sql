CREATE TABLE wechat_channel (
  app_id       VARCHAR(64) NOT NULL,
  paused_until DATETIME(3) NULL,                 -- nothing is sent before: a quota of the day is used up, or the app may not
  errcode      INT NULL,                         -- why
  slow_until   DATETIME(3) NULL,                 -- half as many a second before: a quota of the minute was used up
  PRIMARY KEY (app_id)
);
