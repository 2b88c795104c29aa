CREATE INDEX promise_door_due ON promise (premises_id, state, due_on, made_at);
