DROP TABLE promotions;
DROP TABLE tax_rates;
DROP TABLE shipping_method_channels;
DROP TABLE shipping_methods;
