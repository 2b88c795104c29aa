CREATE TABLE unit_edge (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id    BIGINT NOT NULL,
  parent_id  BIGINT NOT NULL,
  valid_from CHAR(10) NOT NULL,                  -- included
  valid_to   CHAR(10) NULL,                      -- excluded, NULL: still so
  CONSTRAINT unit_edge_once UNIQUE (unit_id, valid_from),
  CONSTRAINT unit_edge_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT unit_edge_parent_fk FOREIGN KEY (parent_id) REFERENCES unit (id),
  KEY unit_edge_parent (parent_id, unit_id)
);
