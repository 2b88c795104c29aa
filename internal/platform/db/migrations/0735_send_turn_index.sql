CREATE INDEX wechat_send_turn ON wechat_send (state, prio, not_before, id, shard);
