CREATE TABLE outbox (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  shard       SMALLINT NOT NULL,              -- of the first person: who sweeps it
  items       TEXT NOT NULL,                  -- [[person_id, from_seq, to_seq], ...], at most 50
  state       SMALLINT NOT NULL,              -- 0 new, 1 done
  created_at  DATETIME(3) NOT NULL,
  done_at     DATETIME(3) NULL,
  KEY outbox_open (shard, state, id)
);
