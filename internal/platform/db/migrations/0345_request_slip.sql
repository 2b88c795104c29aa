CREATE TABLE request_slip (
  id           BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id      BIGINT NOT NULL,                -- whose paper it is
  receipt_hash VARBINARY(32) NULL,             -- NULL only between the insert and the making of the code
  slip_hash    VARBINARY(32) NULL,
  issued_by    BIGINT NOT NULL,
  issued_at    DATETIME(3) NOT NULL,
  used_at      DATETIME(3) NULL,               -- a request was recorded under its code
  CONSTRAINT request_slip_code UNIQUE (receipt_hash),
  CONSTRAINT request_slip_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  KEY request_slip_unit (unit_id)
);
