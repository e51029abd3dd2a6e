//! The integration tests: one file per feature, all through the public API.

mod support;

mod access;
mod bulk;
mod carts;
mod catalog;
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
mod schema;
mod search;
mod sql;
