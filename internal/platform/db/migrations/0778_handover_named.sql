ALTER TABLE handover ADD COLUMN named_at DATETIME(3) NULL; -- when its successor became that
