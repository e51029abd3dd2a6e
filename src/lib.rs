//! Ironmonger: a headless commerce backend.
//!
//! A request goes down: [`http`] (routing, middleware, limits) → a feature's `graphql` module (types; authorizes, calls
//! one use case, wraps the answer) → the feature's use cases (rules and the transaction) → its `queries` (diesel) →
//! PostgreSQL. A job goes up: [`jobs`] reads the ledger, Redis carries an envelope, a worker runs the
//! feature's handler, which calls use cases.
//!
//! The dependency rule: features depend one way (catalog ← inventory ← carts ← orders ← payments, fulfillment), and
//! nobody imports another feature's `queries`. See docs/ARCHITECTURE.md.

#![recursion_limit = "512"]
#![forbid(unsafe_code)]

pub mod access;
pub mod app;
pub mod bulk;
pub mod cache;
pub mod carts;
pub mod catalog;
pub mod channels;
pub mod checkout;
pub mod cli;
pub mod clock;
pub mod config;
pub mod customers;
pub mod db;
pub mod dev;
pub mod error;
pub mod events;
pub mod fulfillment;
pub mod graphql;
pub mod http;
pub mod idempotency;
pub mod ids;
pub mod inventory;
pub mod jobs;
pub mod locale;
pub mod mail;
pub mod media;
pub mod money;
pub mod orders;
pub mod pagination;
pub mod payments;
pub mod promotions;
mod repoll;
pub mod schema;
pub mod search;
pub mod shipping;
pub mod signals;
pub mod sql;
pub mod storage;
pub mod tax;
pub mod telemetry;
mod text_enum;
pub mod tls;
pub mod trace;

pub use app::App;
pub use error::Error;
