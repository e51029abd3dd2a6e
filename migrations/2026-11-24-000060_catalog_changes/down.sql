-- With their triggers, wherever these are.
DROP FUNCTION catalog_products_changed, catalog_children_changed, catalog_publication_changed, catalog_prices_changed,
    catalog_stock_changed, catalog_collections_changed, catalog_membership_changed, catalog_media_changed,
    catalog_everything_changed CASCADE;
DROP FUNCTION catalog_watch, catalog_products_touched, catalog_changed;
DROP TABLE catalog_changes_horizon, catalog_changes;
