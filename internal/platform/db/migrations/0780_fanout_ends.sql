ALTER TABLE fanout ADD COLUMN ends_at DATETIME(3) NULL; -- when its time is over; NULL: never, or it has ended
