ALTER TABLE entrance ADD COLUMN ended_on CHAR(10) NULL; -- the first day on which it is not there any more
