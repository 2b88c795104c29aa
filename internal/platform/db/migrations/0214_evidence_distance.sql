ALTER TABLE presence_evidence ADD COLUMN distance VARCHAR(10) NOT NULL DEFAULT ''; -- inside, near: all that is kept of a position
