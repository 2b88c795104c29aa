ALTER TABLE request ADD COLUMN client_ref CHAR(36) NULL; -- made on the phone, once an act
