ALTER TABLE request_asker ADD COLUMN settled_at DATETIME(3) NULL; -- said that it is done: is told nothing more
