//! What a process has: built once, handed to everything.

use std::ops::Deref;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::signals::Signals;

/// The parts of a running process. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What [`App`] derefs to.
pub struct Parts {
    /// What the process was told.
    pub config: Config,
    /// PostgreSQL.
    pub db: Db,
    /// Time.
    pub clock: Clock,
    /// News of commits.
    pub signals: Signals,
    /// Redis; connects when first used, so that the API starts without it.
    pub redis: redis::Client,
    /// The channels, read often and changed seldom.
    pub channels: crate::channels::Directory,
    /// Payment gateways by name.
    pub gateways: crate::payments::Gateways,
    /// Outgoing mail.
    pub mailer: crate::mail::Mailer,
    /// Files that the processes share.
    pub storage: crate::storage::Storage,
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Builds the parts; connects to nothing yet.
    pub fn new(config: Config) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Parts {
            db: Db::new(&config.database_url, config.database_pool)?,
            clock: Clock::default(),
            signals: Signals::default(),
            redis: redis::Client::open(config.redis_url.as_str())?,
            channels: crate::channels::Directory::default(),
            gateways: crate::payments::Gateways::from_config(&config),
            mailer: crate::mail::Mailer::from_config(&config)?,
            storage: crate::storage::Storage::from_config(&config)?,
            config,
        })))
    }
}
