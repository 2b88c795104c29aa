CREATE INDEX request_wait ON request (state, wait_until);
