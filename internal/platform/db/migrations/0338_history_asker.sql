ALTER TABLE request_history ADD COLUMN asker_id BIGINT NULL; -- the asker who made the move
