CREATE TABLE board_scan (
  board_id BIGINT NOT NULL,
  day      CHAR(10) NOT NULL,
  scans    INT NOT NULL,                       -- how many; by whom is known nowhere
  PRIMARY KEY (board_id, day),
  CONSTRAINT board_scan_board_fk FOREIGN KEY (board_id) REFERENCES board (id)
);
