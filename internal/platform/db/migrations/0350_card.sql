CREATE TABLE card (
  id               BIGINT AUTO_INCREMENT PRIMARY KEY,
  series_id        BIGINT NULL,                  -- the first edition of it; none: this is the first
  edition          INT NOT NULL,
  kind             VARCHAR(20) NOT NULL,         -- policy or solution
  state            VARCHAR(20) NOT NULL,
  category         VARCHAR(30) NOT NULL,
  unit_id          BIGINT NOT NULL,              -- offered there and below: a level-4 place or the subdistrict
  title            VARCHAR(60) NOT NULL,
  for_whom         VARCHAR(200) NOT NULL,
  region           VARCHAR(60) NOT NULL,         -- where it holds, in words
  materials        VARCHAR(500) NOT NULL,
  counter_label    VARCHAR(100) NOT NULL,
  how_to           VARCHAR(1000) NOT NULL,
  source           VARCHAR(200) NOT NULL,
  valid_from       CHAR(10) NOT NULL,            -- the first day on which it is offered
  valid_to         CHAR(10) NOT NULL,            -- the last one
  review_on        CHAR(10) NOT NULL,
  request_id       BIGINT NULL,                  -- the need that was solved so
  first_unit_id    BIGINT NULL,                  -- where that need was opened
  proposed_by      BIGINT NOT NULL,
  proposed_as      BIGINT NULL,
  proposed_at      DATETIME(3) NOT NULL,
  version          BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT card_edition UNIQUE (series_id, edition),
  CONSTRAINT card_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT card_proposer_fk FOREIGN KEY (proposed_by) REFERENCES person (id),
  CONSTRAINT card_request_fk FOREIGN KEY (request_id) REFERENCES request (id),
  KEY card_proposer (proposed_by),
  KEY card_request (request_id),
  KEY card_offered (unit_id, state, valid_to),
  KEY card_at (proposed_at, id),
  KEY card_begin (state, valid_from),
  KEY card_end (state, valid_to),
  KEY card_review (state, review_on)
);
