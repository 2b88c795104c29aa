ALTER TABLE counter_step ADD COLUMN place_label VARCHAR(60) NOT NULL DEFAULT ''; -- the counter by its public name
