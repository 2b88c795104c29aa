CREATE TABLE risk_offer (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  event_id    BIGINT NOT NULL,
  area_id     BIGINT NOT NULL,
  premises_id BIGINT NOT NULL,
  reason      VARCHAR(20) NOT NULL,            -- promise_due, agreed_risk_visit
  visit_id    BIGINT NULL,                     -- the call that was paid; its note goes with this row
  CONSTRAINT risk_offer_once UNIQUE (event_id, premises_id),
  CONSTRAINT risk_offer_event_fk FOREIGN KEY (event_id) REFERENCES risk_event (id),
  CONSTRAINT risk_offer_unit_fk FOREIGN KEY (area_id) REFERENCES unit (id),
  CONSTRAINT risk_offer_premises_fk FOREIGN KEY (premises_id) REFERENCES premises (id),
  CONSTRAINT risk_offer_visit_fk FOREIGN KEY (visit_id) REFERENCES visit (id),
  KEY risk_offer_area (event_id, area_id, id),
  KEY risk_offer_area_fk (area_id),
  KEY risk_offer_premises (premises_id),
  KEY risk_offer_visit (visit_id)
);
