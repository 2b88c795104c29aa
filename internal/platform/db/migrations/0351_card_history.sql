CREATE TABLE card_history (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  card_id       BIGINT NOT NULL,
  move          VARCHAR(20) NOT NULL,            -- proposed, approved, activated, review_due, retired
  from_state    VARCHAR(20) NULL,
  to_state      VARCHAR(20) NOT NULL,
  person_id     BIGINT NULL,                     -- none: a clock
  assignment_id BIGINT NULL,
  recorded_at   DATETIME(3) NOT NULL,
  note          VARCHAR(200) NOT NULL,           -- why it was retired
  CONSTRAINT card_history_card_fk FOREIGN KEY (card_id) REFERENCES card (id),
  KEY card_history_card (card_id, id)
);
