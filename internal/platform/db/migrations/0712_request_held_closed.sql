CREATE INDEX request_held_closed ON request (holder_unit_id, is_open, closed_at, id);
