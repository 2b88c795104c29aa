CREATE TABLE shard_lease (
  shard SMALLINT NOT NULL,
  owner VARCHAR(64) NOT NULL DEFAULT '',       -- a node, '': free
  term  BIGINT NOT NULL DEFAULT 0,             -- grows with every owner: the fence of their work
  beat  BIGINT NOT NULL DEFAULT 0,             -- grows with every sign of life
  PRIMARY KEY (shard)
);
