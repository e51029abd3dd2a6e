-- Images in the storage, and the smaller ones that are made of them.

CREATE TABLE media_images (
    -- The name of the file is made from it and the format, see src/media/url.rs.
    id uuid PRIMARY KEY,
    -- PENDING: its file is being stored; what stays so was given up. STORED: products and collections may show it. DELETING:
    -- its files are being deleted.
    state text NOT NULL CONSTRAINT media_images_state_check CHECK (state IN ('PENDING', 'STORED', 'DELETING')),
    sha256 bytea NOT NULL CONSTRAINT media_images_sha256_check CHECK (octet_length(sha256) = 32),
    format text NOT NULL CONSTRAINT media_images_format_check CHECK (format IN ('JPEG', 'PNG', 'WEBP', 'GIF')),
    -- As it is shown: turned as its metadata says.
    width integer NOT NULL CONSTRAINT media_images_width_check CHECK (width > 0),
    height integer NOT NULL CONSTRAINT media_images_height_check CHECK (height > 0),
    frames integer NOT NULL CONSTRAINT media_images_frames_check CHECK (frames > 0),
    size_bytes bigint NOT NULL CONSTRAINT media_images_size_bytes_check CHECK (size_bytes > 0),
    -- The client's name of the file, only shown to people.
    file_name text NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL,
    -- When its renditions were made.
    derived_at timestamptz,
    -- Since when a sweep knows that nothing shows it.
    unused_since timestamptz
);
-- The same file is stored once.
CREATE UNIQUE INDEX media_images_sha256_key ON media_images (sha256) WHERE state = 'STORED';
CREATE INDEX media_images_unfinished_idx ON media_images (created_at) WHERE state <> 'STORED';
CREATE INDEX media_images_unused_since_idx ON media_images (unused_since) WHERE unused_since IS NOT NULL;

CREATE TABLE media_renditions (
    image_id uuid NOT NULL CONSTRAINT media_renditions_image_id_fkey REFERENCES media_images (id) ON DELETE CASCADE,
    width integer NOT NULL,
    height integer NOT NULL,
    format text NOT NULL CONSTRAINT media_renditions_format_check CHECK (format IN ('JPEG', 'PNG', 'WEBP', 'GIF')),
    size_bytes bigint NOT NULL,
    PRIMARY KEY (image_id, width)
);

-- The stored image that `url` names; null for one that lies elsewhere.
ALTER TABLE product_images
    ADD COLUMN media_id uuid CONSTRAINT product_images_media_id_fkey REFERENCES media_images (id);
CREATE INDEX product_images_media_id_idx ON product_images (media_id) WHERE media_id IS NOT NULL;

ALTER TABLE collections
    ADD COLUMN image_media_id uuid CONSTRAINT collections_image_media_id_fkey REFERENCES media_images (id);
CREATE INDEX collections_image_media_id_idx ON collections (image_media_id) WHERE image_media_id IS NOT NULL;
