CREATE TABLE board_version (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  board_id      BIGINT NOT NULL,
  number        INT NOT NULL,
  state         VARCHAR(20) NOT NULL,          -- published, printed, superseded; a draft is not stored
  households    INT NOT NULL,                  -- of the area, when it was made
  shown         TEXT NOT NULL,                 -- JSON: person ids and what they had agreed to show; names stand with their persons
  fingerprint   VARBINARY(32) NOT NULL,        -- of everything printed, keyed
  made_by       BIGINT NULL,                   -- none: a change of holder or consent made it
  made_at       DATETIME(3) NOT NULL,
  printed_by    BIGINT NULL,
  printed_at    DATETIME(3) NULL,
  superseded_at DATETIME(3) NULL,
  told_at       DATETIME(3) NULL,              -- when somebody scanned it outdated, and the secretary was told
  CONSTRAINT board_version_number UNIQUE (board_id, number),
  CONSTRAINT board_version_board_fk FOREIGN KEY (board_id) REFERENCES board (id),
  CONSTRAINT board_version_made_fk FOREIGN KEY (made_by) REFERENCES person (id),
  CONSTRAINT board_version_printed_fk FOREIGN KEY (printed_by) REFERENCES person (id),
  KEY board_version_made (made_by),
  KEY board_version_printed (printed_by),
  KEY board_version_over (superseded_at, id)
);
