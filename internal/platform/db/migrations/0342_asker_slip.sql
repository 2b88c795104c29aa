ALTER TABLE request_asker ADD COLUMN slip_hash VARBINARY(32) NULL; -- keyed, of the secret printed on a slip
