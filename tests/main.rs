//! The integration tests: one file per feature, all through the public API.

mod support;

mod bulk;
mod contract;
mod dev_services;
mod dev_shop;
mod harness;
mod migrations;
mod schema;
