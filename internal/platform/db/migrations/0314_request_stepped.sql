ALTER TABLE request ADD COLUMN stepped_at DATETIME(3) NULL; -- when somebody last did something
