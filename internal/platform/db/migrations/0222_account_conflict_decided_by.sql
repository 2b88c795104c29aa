ALTER TABLE account_conflict ADD COLUMN decided_by BIGINT NULL;
