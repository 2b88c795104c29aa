CREATE INDEX request_category ON request (category, is_open, id);
