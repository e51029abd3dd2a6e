DROP TABLE exports;
DROP TABLE import_slugs;
DROP TABLE import_rejections;
DROP TABLE imports;
