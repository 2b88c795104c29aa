ALTER TABLE publication ADD COLUMN ended_at DATETIME(3) NULL; -- since when somebody named in it has said no
