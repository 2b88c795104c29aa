CREATE TABLE area_split_move (
  split_id    BIGINT NOT NULL,
  entrance_id BIGINT NOT NULL,
  from_id     BIGINT NOT NULL,                 -- the area it lay in when the split was drafted
  to_id       BIGINT NOT NULL,
  PRIMARY KEY (split_id, entrance_id),
  CONSTRAINT area_split_move_split_fk FOREIGN KEY (split_id) REFERENCES area_split (id),
  CONSTRAINT area_split_move_entrance_fk FOREIGN KEY (entrance_id) REFERENCES entrance (id),
  CONSTRAINT area_split_move_from_fk FOREIGN KEY (from_id) REFERENCES unit (id),
  CONSTRAINT area_split_move_to_fk FOREIGN KEY (to_id) REFERENCES unit (id),
  KEY area_split_move_entrance (entrance_id),
  KEY area_split_move_from (from_id),
  KEY area_split_move_to (to_id, split_id)
);
