CREATE TABLE campaign_stage (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  campaign_id BIGINT NOT NULL,
  name        VARCHAR(40) NOT NULL,
  from_day    CHAR(10) NOT NULL,
  to_day      CHAR(10) NOT NULL,                 -- the last day, stages may overlap
  CONSTRAINT campaign_stage_campaign_fk FOREIGN KEY (campaign_id) REFERENCES campaign (id),
  KEY campaign_stage_campaign (campaign_id, id)
);
