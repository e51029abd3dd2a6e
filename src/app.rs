//! What a process has: built once, handed to everything.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::access::{Attempts, Keys, Passwords};
use crate::cache::Cache;
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
    /// Answers that are kept.
    pub cache: Arc<Cache>,
    /// The documents that are known beforehand.
    pub trusted: crate::http::TrustedDocuments,
    /// The queues as they move, for those who watch.
    pub board: crate::jobs::Board,
    /// Redis; connects when first used, so that the API starts without it.
    pub redis: redis::Client,
    /// The channels, read often and changed seldom.
    pub channels: crate::channels::Directory,
    /// Payment gateways by name.
    pub gateways: crate::payments::Gateways,
    /// The keys of access tokens.
    pub keys: crate::access::Keys,
    /// Hashes passwords.
    pub passwords: crate::access::Passwords,
    /// Counts failed sign-ins.
    pub attempts: crate::access::Attempts,
    /// Outgoing mail.
    pub mailer: crate::mail::Mailer,
    /// What the job ledger holds, where this process reports it.
    pub job_figures: crate::jobs::Figures,
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
    /// Builds the parts; connects to nothing yet. Needs the key of access tokens, see [`Keys::from_config`].
    pub fn new(config: Config) -> anyhow::Result<Self> {
        let keys = Keys::from_config(&config)?;
        Self::build(config, keys)
    }

    /// The same for a process that neither issues nor reads tokens: a worker, a command of the operator.
    pub fn without_keys(config: Config) -> anyhow::Result<Self> {
        Self::build(config, Keys::none())
    }

    fn build(config: Config, keys: Keys) -> anyhow::Result<Self> {
        crate::tls::choose_crypto();
        let clock = Clock::default();
        let redis = redis::Client::open(config.redis_url.as_str())?;
        Ok(Self(Arc::new(Parts {
            db: Db::new(&config.database_url, config.database_pool)?,
            signals: Signals::default(),
            trusted: crate::http::TrustedDocuments::load(&config.cache)?,
            cache: Arc::new(Cache::new(&config, redis.clone(), clock.clone())),
            board: crate::jobs::Board::default(),
            channels: crate::channels::Directory::default(),
            gateways: crate::payments::Gateways::from_config(&config),
            keys,
            passwords: Passwords::new(Duration::from_millis(config.http.request_timeout_ms)),
            attempts: Attempts::new(redis.clone(), &config.redis_prefix),
            mailer: crate::mail::Mailer::from_config(&config, clock.clone())?,
            storage: crate::storage::Storage::from_config(&config)?,
            job_figures: crate::jobs::Figures::default(),
            clock,
            redis,
            config,
        })))
    }
}
