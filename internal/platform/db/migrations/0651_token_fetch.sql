ALTER TABLE wechat_token ADD COLUMN fetch_until DATETIME(3) NULL;
