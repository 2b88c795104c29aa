ALTER TABLE presence_evidence ADD COLUMN apart BOOLEAN NOT NULL DEFAULT 0; -- at another place, too far away for the time between
