ALTER TABLE request ADD COLUMN wait_until DATETIME(3) NULL; -- until when the asker is waited for
