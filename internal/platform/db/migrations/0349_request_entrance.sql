ALTER TABLE request ADD COLUMN entrance_id BIGINT NULL; -- where it came from, as far as that is known
