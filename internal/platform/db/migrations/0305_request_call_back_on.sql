ALTER TABLE request ADD COLUMN call_back_on CHAR(10) NULL; -- the day the asker is called after a handing over
