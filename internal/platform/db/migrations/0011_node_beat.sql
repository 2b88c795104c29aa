CREATE TABLE node_beat (
  node       VARCHAR(64) NOT NULL,
  beat       BIGINT NOT NULL DEFAULT 0,
  started_at DATETIME(3) NOT NULL,
  PRIMARY KEY (node)
);
