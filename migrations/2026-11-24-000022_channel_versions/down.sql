ALTER TABLE locations DROP COLUMN version;
ALTER TABLE channels DROP COLUMN version;
