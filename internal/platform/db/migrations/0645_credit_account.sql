ALTER TABLE wechat_credit ADD COLUMN account_id BIGINT NULL;
