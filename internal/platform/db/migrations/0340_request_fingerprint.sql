ALTER TABLE request ADD COLUMN fingerprint VARBINARY(32) NULL; -- keyed, of what was told
