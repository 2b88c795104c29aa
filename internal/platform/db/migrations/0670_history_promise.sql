ALTER TABLE request_history ADD COLUMN promise_id BIGINT NULL; -- the promise that the line is about
