ALTER TABLE wechat_send ADD COLUMN account_id BIGINT NULL;
