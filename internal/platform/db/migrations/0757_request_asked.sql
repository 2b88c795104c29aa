CREATE INDEX request_asked ON request (premises_id, is_open, channel);
