CREATE TABLE audit_head (
  id   BIGINT AUTO_INCREMENT PRIMARY KEY,
  lane SMALLINT NOT NULL,
  n    BIGINT NOT NULL,
  at   DATETIME(3) NOT NULL,
  hash VARBINARY(32) NOT NULL,
  mac  VARBINARY(32) NOT NULL,                  -- signs the rest, and stands in a second place as well
  KEY audit_head_lane (lane, n),
  KEY audit_head_at (at, id)
);
