CREATE TABLE transfer_row (
  id           BIGINT NOT NULL PRIMARY KEY,   -- of the import times 100000, and the place in it: known before the row is, for its seal
  import_id    BIGINT NOT NULL,
  kind         VARCHAR(20) NOT NULL,          -- units, entrances or members
  line         INT NOT NULL,                  -- as the program that made the file counts
  outcome      VARCHAR(20) NOT NULL,          -- new, changed, same, refused
  failed       BOOLEAN NOT NULL,
  faults       TEXT NOT NULL,                 -- JSON: columns and codes, no values
  cells_sealed VARBINARY(8000) NOT NULL,
  CONSTRAINT transfer_row_import_fk FOREIGN KEY (import_id) REFERENCES transfer_import (id),
  KEY transfer_row_list (import_id, failed, id)
);
