ALTER TABLE request ADD COLUMN about_id BIGINT NULL; -- the person whom a concern is about
