CREATE INDEX promise_door ON promise (premises_id, state, due_on);
