ALTER TABLE request ADD COLUMN expected_on CHAR(10) NULL; -- the day its holder expects to be done
