//! The integration tests: one file per feature, all through the public API.

mod support;

mod dev_services;
mod harness;
mod migrations;
