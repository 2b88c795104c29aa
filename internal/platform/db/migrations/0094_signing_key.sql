CREATE TABLE signing_key (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  kid         VARCHAR(40) NOT NULL,
  seed_sealed VARBINARY(200) NULL,            -- Ed25519; NULL only between the insert and the sealing
  created_at  DATETIME(3) NOT NULL,
  signs_from  DATETIME(3) NOT NULL,           -- not before every node knows it
  CONSTRAINT signing_key_kid UNIQUE (kid)
);
