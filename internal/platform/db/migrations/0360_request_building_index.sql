CREATE INDEX request_building ON request (building_id, category, recorded_at, id);
