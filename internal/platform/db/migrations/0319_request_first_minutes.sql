ALTER TABLE request ADD COLUMN first_minutes INT NULL; -- of its calendar, until the first answer
