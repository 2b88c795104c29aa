ALTER TABLE account_conflict ADD COLUMN reason VARCHAR(200) NULL;
