ALTER TABLE publication ADD COLUMN checked_at DATETIME(3) NULL; -- when WeChat found nothing in what was submitted
