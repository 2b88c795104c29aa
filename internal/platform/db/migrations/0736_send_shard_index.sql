DROP INDEX wechat_send_shard /*! ON wechat_send */;
