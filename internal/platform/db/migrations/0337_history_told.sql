ALTER TABLE request_history ADD COLUMN told_in_person BOOLEAN NOT NULL DEFAULT 0; -- the asker heard of it face to face
