CREATE INDEX request_stale ON request (stale_unit_id, stale_role, stepped_at, id);
