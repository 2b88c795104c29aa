CREATE TABLE keyset (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  name        VARCHAR(40) NOT NULL,
  wrapped     VARBINARY(8000) NOT NULL,       -- a Tink key set, sealed with the master key that is not in here
  version     BIGINT NOT NULL DEFAULT 1,
  changed_at  DATETIME(3) NOT NULL,
  CONSTRAINT keyset_name UNIQUE (name)
);
