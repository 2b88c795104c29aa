CREATE TABLE sector (
  id      BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id BIGINT NOT NULL,               -- the subdistrict whose word it is
  code    VARCHAR(30) NOT NULL,          -- what its places carry (unit.sector)
  name    VARCHAR(30) NOT NULL,
  sort_no SMALLINT NOT NULL,
  active  BOOLEAN NOT NULL DEFAULT 1,
  CONSTRAINT sector_code UNIQUE (unit_id, code),
  CONSTRAINT sector_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id)
);
