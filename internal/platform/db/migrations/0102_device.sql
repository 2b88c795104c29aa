CREATE TABLE device (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id     BIGINT NOT NULL,
  session_id    BIGINT NOT NULL,
  ack_seq       BIGINT NOT NULL DEFAULT 0,    -- the device has applied everything up to here
  last_seen_at  DATETIME(3) NOT NULL,
  CONSTRAINT device_session UNIQUE (session_id),
  KEY device_person (person_id)
);
