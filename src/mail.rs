//! Outgoing mail: SMTP where configured, files in the data directory otherwise.

use crate::config::Config;

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {}

impl Mailer {
    /// By configuration.
    pub fn from_config(_config: &Config) -> anyhow::Result<Self> {
        Ok(Self {})
    }
}
