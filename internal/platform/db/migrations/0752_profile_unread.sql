ALTER TABLE public_profile ADD COLUMN unread_since DATETIME(3) NULL; -- since when a service item waits to be read
