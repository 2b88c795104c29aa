CREATE TABLE visit_tally (
  id      BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id BIGINT NOT NULL,                     -- the area
  month   CHAR(7) NOT NULL,                    -- 2026-05, in Asia/Shanghai
  result  VARCHAR(20) NOT NULL,
  visits  BIGINT NOT NULL,                     -- that were kept until their time was over
  CONSTRAINT visit_tally_once UNIQUE (unit_id, month, result),
  CONSTRAINT visit_tally_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id)
);
