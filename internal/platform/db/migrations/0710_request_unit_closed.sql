CREATE INDEX request_unit_closed ON request (unit_id, is_open, closed_at, id);
