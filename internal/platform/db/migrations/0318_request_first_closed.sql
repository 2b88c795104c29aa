ALTER TABLE request ADD COLUMN first_closed_at DATETIME(3) NULL;
