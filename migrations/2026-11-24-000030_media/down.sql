ALTER TABLE collections DROP COLUMN image_media_id;
ALTER TABLE product_images DROP COLUMN media_id;
DROP TABLE media_renditions;
DROP TABLE media_images;
