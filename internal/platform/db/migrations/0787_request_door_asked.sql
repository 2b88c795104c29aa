CREATE INDEX request_door_asked ON request (premises_id, is_open, channel, happened_at);
