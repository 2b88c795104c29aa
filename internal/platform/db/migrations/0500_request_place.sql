CREATE INDEX request_place ON request (place_id, is_open, recorded_at, id);
