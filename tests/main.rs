//! The integration tests: one file per feature, all through the public API.

/// That of the programs: workers are started from here, too, and their memory is limited.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod support;

mod access;
mod bulk;
mod bulk_hostile;
mod bulk_references;
mod bulk_repeats;
mod bulk_terms;
mod bulk_words;
mod cache;
mod cache_faults;
mod carts;
mod catalog;
mod catalog_at_hand;
mod catalog_attributes;
mod catalog_collections;
mod catalog_prices;
mod catalog_rules;
mod catalog_translations;
mod catalog_variants;
mod channels;
mod contract;
mod dev_services;
mod dev_shop;
mod faults;
mod harness;
mod http;
mod images;
mod images_storage;
mod inventory;
mod inventory_locations;
mod job_board;
mod job_chaos;
mod job_faults;
mod job_guide;
mod job_order;
mod jobs;
mod jobs_metrics;
mod jobs_operators;
mod journey;
mod limits;
mod migrations;
mod orders;
mod plans;
mod schema;
mod search;
mod search_filters;
mod search_index;
mod sql;
mod uploads;
