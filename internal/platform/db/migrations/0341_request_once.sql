CREATE UNIQUE INDEX request_once ON request (recorded_by, client_ref);
