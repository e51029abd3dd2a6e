ALTER TABLE product_channels DROP COLUMN prices_until;
