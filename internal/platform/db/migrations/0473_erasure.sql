CREATE TABLE erasure (
  id        BIGINT AUTO_INCREMENT PRIMARY KEY,
  class     VARCHAR(40) NOT NULL,
  ids       TEXT NOT NULL,                     -- of the rows, as JSON: a restore erases them again
  erased_at DATETIME(3) NOT NULL,
  KEY erasure_at (erased_at, id)
);
