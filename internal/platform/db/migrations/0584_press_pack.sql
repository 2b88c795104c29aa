CREATE TABLE press_pack (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  built_by   BIGINT NOT NULL,
  built_as   BIGINT NOT NULL,
  title      VARCHAR(60) NOT NULL,
  manifest   TEXT NOT NULL,                    -- JSON: each picture with its words and the hash of its file
  sha256     VARBINARY(32) NOT NULL,           -- of the zip, which is an upload
  built_at   DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NOT NULL,             -- from when on it cannot be fetched
  CONSTRAINT press_pack_by_fk FOREIGN KEY (built_by) REFERENCES person (id),
  CONSTRAINT press_pack_as_fk FOREIGN KEY (built_as) REFERENCES role_assignment (id),
  KEY press_pack_by (built_by, id),
  KEY press_pack_as (built_as),
  KEY press_pack_expires (expires_at, id)
);
