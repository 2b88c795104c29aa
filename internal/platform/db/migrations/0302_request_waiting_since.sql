ALTER TABLE request ADD COLUMN waiting_since DATETIME(3) NULL; -- its clocks stand still from then on
