ALTER TABLE request ADD COLUMN stale_unit_id BIGINT NULL; -- on whose list it stands as stale
