CREATE TABLE upload (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id  BIGINT NOT NULL,                  -- who sent it
  file       VARCHAR(40) NOT NULL,             -- name of the sealed file
  number     BIGINT NOT NULL,                  -- drawn by chance: what the file is sealed to
  width      INT NOT NULL,
  height     INT NOT NULL,
  size       INT NOT NULL,                     -- bytes, before sealing
  owner_type VARCHAR(20) NULL,                 -- what it hangs on: request; none: nothing yet
  owner_id   BIGINT NULL,
  drop_at    DATETIME(3) NULL,                 -- from when on it goes by itself
  created_at DATETIME(3) NOT NULL,
  version    BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT upload_file UNIQUE (file),
  KEY upload_owner (owner_type, owner_id, id),
  KEY upload_drop (drop_at, id)
);
