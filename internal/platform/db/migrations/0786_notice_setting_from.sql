ALTER TABLE notice_setting ADD COLUMN digest_from DATETIME(3) NULL; -- where a first summary would have begun then
