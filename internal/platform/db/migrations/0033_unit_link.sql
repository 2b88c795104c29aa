CREATE TABLE unit_link (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  party_id   BIGINT NOT NULL,                    -- answers for
  grid_id    BIGINT NOT NULL,
  valid_from CHAR(10) NOT NULL,
  valid_to   CHAR(10) NULL,
  CONSTRAINT unit_link_party UNIQUE (party_id, valid_from),
  CONSTRAINT unit_link_grid UNIQUE (grid_id, valid_from),
  CONSTRAINT unit_link_party_fk FOREIGN KEY (party_id) REFERENCES unit (id),
  CONSTRAINT unit_link_grid_fk FOREIGN KEY (grid_id) REFERENCES unit (id)
);
