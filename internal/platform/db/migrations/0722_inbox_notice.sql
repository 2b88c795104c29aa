ALTER TABLE inbox ADD COLUMN notice_id BIGINT NULL; -- whose text it has
