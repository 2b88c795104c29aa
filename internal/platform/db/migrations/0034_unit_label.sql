CREATE TABLE unit_label (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id    BIGINT NOT NULL,                    -- the level-4 place whose words these are
  level      SMALLINT NOT NULL,
  label      VARCHAR(40) NOT NULL,
  valid_from CHAR(10) NOT NULL,
  valid_to   CHAR(10) NULL,
  CONSTRAINT unit_label_once UNIQUE (unit_id, level, valid_from),
  CONSTRAINT unit_label_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id)
);
