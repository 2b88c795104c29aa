CREATE TABLE notice_digest (
  shard SMALLINT NOT NULL,
  slot  DATETIME(3) NOT NULL,                    -- the digests of this shard for this time are made
  PRIMARY KEY (shard, slot)
);
