CREATE TABLE person (
  id           BIGINT AUTO_INCREMENT PRIMARY KEY,
  name_sealed  VARBINARY(400) NULL,           -- NULL only between the insert and the sealing, one transaction
  phone_sealed VARBINARY(120) NULL,
  phone_index  SMALLINT NULL,                 -- 12 bits: about 12 candidates among 50,000, no uniqueness
  auth_ver     BIGINT NOT NULL DEFAULT 1,     -- grows when rights shrink
  disabled_at  DATETIME(3) NULL,
  created_at   DATETIME(3) NOT NULL,
  version      BIGINT NOT NULL DEFAULT 1,
  KEY person_phone (phone_index)
);
