//! Payments.

pub mod graphql;

/// Payment gateways by name.
pub struct Gateways {}

impl Gateways {
    /// By configuration.
    pub fn from_config(_config: &crate::config::Config) -> Self {
        Self {}
    }
}
