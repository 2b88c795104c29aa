ALTER TABLE account_conflict ADD COLUMN decision VARCHAR(20) NULL;
