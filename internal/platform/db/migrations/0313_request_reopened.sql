ALTER TABLE request ADD COLUMN reopened INT NOT NULL DEFAULT 0; -- how often it was opened again
