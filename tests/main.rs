//! The integration tests: one file per feature, all through the public API.

mod support;

mod access;
mod bulk;
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
