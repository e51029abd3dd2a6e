-- The next time at which a sale of the product begins or ends in the channel: min_price and max_price hold until then.
-- A product whose time has come is found here, however long nobody looked.
ALTER TABLE product_channels ADD COLUMN prices_until timestamptz;
CREATE INDEX product_channels_prices_until_idx ON product_channels (prices_until) WHERE prices_until IS NOT NULL;
