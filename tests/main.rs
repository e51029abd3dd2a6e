//! The integration tests: one file per feature, all through the public API.

mod support;
