CREATE INDEX wechat_send_notice ON wechat_send (notice_id, state, outcome);
