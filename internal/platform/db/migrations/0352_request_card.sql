CREATE TABLE request_card (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  request_id  BIGINT NOT NULL,
  card_id     BIGINT NOT NULL,
  attached_by BIGINT NOT NULL,
  attached_at DATETIME(3) NOT NULL,
  CONSTRAINT request_card_once UNIQUE (request_id, card_id),
  CONSTRAINT request_card_request_fk FOREIGN KEY (request_id) REFERENCES request (id),
  CONSTRAINT request_card_card_fk FOREIGN KEY (card_id) REFERENCES card (id),
  KEY request_card_card (card_id)
);
