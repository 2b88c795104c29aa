DROP INDEX wechat_send_due /*! ON wechat_send */;
