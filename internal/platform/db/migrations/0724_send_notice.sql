ALTER TABLE wechat_send ADD COLUMN notice_id BIGINT NULL; -- while it is withdrawn nothing is sent
