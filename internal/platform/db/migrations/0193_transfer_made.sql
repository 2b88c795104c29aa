CREATE TABLE transfer_made (
  id            BIGINT NOT NULL PRIMARY KEY,  -- of the import times 1000000, and the place in it
  import_id     BIGINT NOT NULL,
  kind          VARCHAR(20) NOT NULL,         -- unit, label, assignment, building, entrance, deal, home, person, member, correction, post
  ref_id        BIGINT NOT NULL,
  before_sealed VARBINARY(400) NULL,          -- what stood there, of what was changed
  CONSTRAINT transfer_made_import_fk FOREIGN KEY (import_id) REFERENCES transfer_import (id),
  KEY transfer_made_import (import_id, id)
);
