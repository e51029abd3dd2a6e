//! The integration tests: one file per feature, all through the public API.

mod support;

mod access;
mod bulk;
mod bulk_hostile;
mod carts;
mod catalog;
mod contract;
mod dev_services;
mod dev_shop;
mod faults;
mod harness;
mod http;
mod inventory;
mod job_chaos;
mod job_faults;
mod job_order;
mod jobs;
mod jobs_operators;
mod journey;
mod limits;
mod migrations;
mod orders;
mod schema;
mod search;
