CREATE INDEX request_place_closed ON request (place_id, is_open, closed_at, id);
