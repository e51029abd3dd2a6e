//! `ironmonger dev`: a whole shop on one machine with one command.
//!
//! Owns the private PostgreSQL and Redis ([`services`]), the processes that must not outlive us ([`child`]), the demo
//! store, and the supervisor that ties them together. Nothing in production uses this module.

mod addresses;
mod banner;
pub mod child;
pub mod demo;
mod folder;
mod ports;
pub mod services;
mod supervisor;
mod worker;

pub use addresses::address;
pub use demo::demo_image;
pub use supervisor::run;
