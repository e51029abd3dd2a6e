-- Channels and locations are edited by people, who must not overwrite each other.
ALTER TABLE channels ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE locations ADD COLUMN version bigint NOT NULL DEFAULT 1;
