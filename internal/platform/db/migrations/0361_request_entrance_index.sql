CREATE INDEX request_entrance ON request (entrance_id, category, recorded_at, id);
