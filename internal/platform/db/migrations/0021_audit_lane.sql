CREATE TABLE audit_lane (
  lane SMALLINT NOT NULL,
  n    BIGINT NOT NULL,                         -- of its newest row
  hash VARBINARY(32) NOT NULL,
  PRIMARY KEY (lane)
);
