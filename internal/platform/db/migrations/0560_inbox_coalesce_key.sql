-- Items of one kind and key that come within a short time stand for each other (N6).
ALTER TABLE inbox ADD COLUMN coalesce_key VARCHAR(64) NULL;
