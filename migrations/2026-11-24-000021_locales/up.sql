-- The languages that the shop has texts in.

-- What products and collections are written in; translations are into others.
ALTER TABLE shop_settings
    ADD COLUMN default_locale text NOT NULL DEFAULT 'en'
        CONSTRAINT shop_settings_default_locale_check CHECK (default_locale ~ '^[a-z]{2,3}(-[a-z0-9]{2,8})*$');

-- The languages of translations: a request gets one of these, so that answers differ in few ways. A row stays when its last
-- translation goes, which costs nothing.
CREATE TABLE locales (
    tag text PRIMARY KEY CONSTRAINT locales_tag_check CHECK (tag ~ '^[a-z]{2,3}(-[a-z0-9]{2,8})*$')
);
INSERT INTO locales SELECT locale FROM product_translations UNION SELECT locale FROM collection_translations;
