CREATE INDEX request_asker_own ON request_asker (person_id, recorded_at, id);
