ALTER TABLE request_asker ADD COLUMN person_id BIGINT NULL; -- who follows it signed in; none: by receipt alone
