ALTER TABLE wechat_credit ADD COLUMN refused_at DATETIME(3) NULL;
