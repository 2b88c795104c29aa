CREATE INDEX request_asker_origin ON request_asker (origin_id);
