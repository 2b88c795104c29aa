ALTER TABLE request ADD COLUMN holding INT NOT NULL DEFAULT 1; -- counts its holders, and each taking back
