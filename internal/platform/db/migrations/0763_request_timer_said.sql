ALTER TABLE request_timer ADD COLUMN said_in INT NOT NULL DEFAULT 0; -- the holding in which it last said anything; 0: in none
