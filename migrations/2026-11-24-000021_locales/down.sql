DROP TABLE locales;
ALTER TABLE shop_settings DROP COLUMN default_locale;
