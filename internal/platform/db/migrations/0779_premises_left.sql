ALTER TABLE premises ADD COLUMN left_at DATETIME(3) NULL; -- when who had lived there had moved out: what was before is not of who lives there now
