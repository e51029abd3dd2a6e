//! The harness: a shop of its own for every test, on real PostgreSQL and Redis.
//!
//! A test says `let shop = Shop::start().await;` and talks to the shop's GraphQL API. The database is a copy of a migrated
//! template, Redis keys have a prefix of their own, the API runs in the test's process on a port of its own.
//! PostgreSQL and Redis are started once per test process and die with it; TEST_DATABASE_URL and TEST_REDIS_URL
//! name servers to use instead.

#![allow(dead_code)] // Each feature's tests use some of it.

mod build;
mod checkout;
mod client;
mod contract;
mod database;
mod images;
mod mutation;
mod people;
pub mod pictures;
mod private;
mod process;
pub mod s3;
mod servers;
mod shop;
mod subscription;
mod test_worker;

#[allow(unused_imports)]
pub use self::{
    build::{Product, ProductSpec, VariantSpec},
    checkout::{CART_FIELDS, Place, cart_of, place_at},
    client::Client,
    contract::{contract, contract_folder, contract_operations},
    database::{wait_until, wait_up_to},
    images::{IMAGE_FIELDS, add_document},
    private::PrivateShop,
    process::Process,
    servers::{Servers, binary},
    shop::Shop,
    subscription::Subscription,
    test_worker::{Hazard, Newer, TestWorker, Tick, Work},
};
#[allow(unused_imports)]
pub use serde_json::{Value, json};
