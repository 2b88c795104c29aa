CREATE INDEX request_rules ON request (is_open, rules_at, id);
