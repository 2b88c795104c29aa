ALTER TABLE request_asker ADD COLUMN receipt_hash VARBINARY(32) NULL; -- of this asker's own code
