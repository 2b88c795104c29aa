CREATE TABLE household_contact (
  premises_id    BIGINT PRIMARY KEY,
  address_sealed VARBINARY(400) NULL,          -- how the household wants to be spoken to
  phone_sealed   VARBINARY(120) NULL,
  phone_index    SMALLINT NULL,                -- 12 bits: narrows a search, tells nothing
  recorded_at    DATETIME(3) NOT NULL,
  used_at        DATETIME(3) NOT NULL,         -- 24 months unused: erased
  version        BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT household_contact_premises_fk FOREIGN KEY (premises_id) REFERENCES premises (id),
  KEY household_contact_phone (phone_index)
);
