ALTER TABLE notice_setting ADD COLUMN digest_moved_at DATETIME(3) NULL; -- when the summary last got another time of the day; NULL: never
