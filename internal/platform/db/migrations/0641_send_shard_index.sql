CREATE INDEX wechat_send_shard ON wechat_send (shard, state, not_before, id);
