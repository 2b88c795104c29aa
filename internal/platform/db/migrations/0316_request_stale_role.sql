ALTER TABLE request ADD COLUMN stale_role VARCHAR(30) NOT NULL DEFAULT ''; -- a role in that unit; empty: whoever leads it
