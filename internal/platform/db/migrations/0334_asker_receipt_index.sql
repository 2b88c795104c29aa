CREATE UNIQUE INDEX request_asker_receipt ON request_asker (receipt_hash);
