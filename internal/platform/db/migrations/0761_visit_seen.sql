CREATE INDEX visit_seen ON visit (premises_id, recorded_at, id, happened_at, result);
