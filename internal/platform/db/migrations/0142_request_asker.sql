CREATE TABLE request_asker (
  id             BIGINT AUTO_INCREMENT PRIMARY KEY,
  request_id     BIGINT NOT NULL,
  address_sealed VARBINARY(400) NULL,          -- how the asker wants to be spoken to
  call_back      VARCHAR(20) NOT NULL,         -- none or phone
  phone_sealed   VARBINARY(120) NULL,
  phone_index    SMALLINT NULL,                -- 12 bits: narrows a search, tells nothing
  recorded_at    DATETIME(3) NOT NULL,
  CONSTRAINT request_asker_request_fk FOREIGN KEY (request_id) REFERENCES request (id),
  KEY request_asker_request (request_id),
  KEY request_asker_phone (phone_index)
);
