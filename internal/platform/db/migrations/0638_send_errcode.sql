ALTER TABLE wechat_send ADD COLUMN errcode INT NULL;
