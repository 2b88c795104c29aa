ALTER TABLE request_asker ADD COLUMN origin_id BIGINT NULL; -- the request it was recorded for, since that was merged into another
