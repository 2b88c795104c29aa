ALTER TABLE request ADD COLUMN handed_to_sealed VARBINARY(1500) NULL; -- the body that took it over, and its contact
