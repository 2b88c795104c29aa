CREATE INDEX request_history_move ON request_history (move, recorded_at, request_id);
