ALTER TABLE request ADD COLUMN building_id BIGINT NULL; -- where it came from, as far as that is known
