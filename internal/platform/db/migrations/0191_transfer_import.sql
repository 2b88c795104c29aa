CREATE TABLE transfer_import (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id     BIGINT NOT NULL,                -- where the uploader's role stands: who sees that unit sees the import
  kinds       VARCHAR(60) NOT NULL,           -- units,entrances or members
  state       VARCHAR(20) NOT NULL,           -- uploaded (errors remain), checked, applied, undone, settled
  row_count   INT NOT NULL,
  failed_rows INT NOT NULL,
  summary     TEXT NOT NULL,                  -- JSON: counts of changes, and of errors by code
  uploaded_by BIGINT NOT NULL,
  uploaded_at DATETIME(3) NOT NULL,
  applied_by  BIGINT NULL,
  applied_at  DATETIME(3) NULL,
  undone_by   BIGINT NULL,
  undone_at   DATETIME(3) NULL,
  CONSTRAINT transfer_import_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT transfer_import_uploaded_fk FOREIGN KEY (uploaded_by) REFERENCES person (id),
  CONSTRAINT transfer_import_applied_fk FOREIGN KEY (applied_by) REFERENCES person (id),
  CONSTRAINT transfer_import_undone_fk FOREIGN KEY (undone_by) REFERENCES person (id),
  KEY transfer_import_unit (unit_id, uploaded_at, id),
  KEY transfer_import_uploaded (uploaded_by),
  KEY transfer_import_applied (applied_by),
  KEY transfer_import_undone (undone_by),
  KEY transfer_import_age (state, uploaded_at),
  KEY transfer_import_settle (state, applied_at)
);
