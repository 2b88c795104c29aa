ALTER TABLE place ADD COLUMN ends_on CHAR(10) NULL; -- from this day on it is not used, NULL: no end
