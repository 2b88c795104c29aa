CREATE INDEX fanout_ends ON fanout (ends_at, shard);
