ALTER TABLE request_asker ADD COLUMN outcome_sealed VARBINARY(2100) NULL; -- what the asker said of how it ended
