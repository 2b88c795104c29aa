ALTER TABLE place ADD COLUMN fence_north INT NULL; -- of the place itself: millionths of a degree, GCJ-02
