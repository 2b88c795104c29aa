ALTER TABLE request_asker ADD COLUMN receipt_sealed VARBINARY(120) NULL;
