CREATE INDEX wechat_send_outcome ON wechat_send (outcome, ended_at, id);
