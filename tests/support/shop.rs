//! The shop that a test talks to.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use ironmonger::App;
use ironmonger::config::Config;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::client::{Auth, Client};
use super::{Servers, people};

/// A running shop; it derefs to an anonymous [`Client`]. Dropping it stops it and drops its database.
pub struct Shop {
    anonymous: Client,
    app: App,
    stop: CancellationToken,
    database: String,
    owner: Arc<OnceCell<String>>,
    customer: Arc<OnceCell<String>>,
}

impl Deref for Shop {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.anonymous
    }
}

impl Shop {
    /// Database, Redis prefix and API; jobs are written, but nobody runs them.
    pub async fn start() -> Shop {
        Self::start_with(&[]).await
    }

    /// The same, and a worker on all queues in this process.
    pub async fn with_worker() -> Shop {
        let shop = Self::start().await;
        shop.run_worker();
        shop
    }

    /// Like [`Shop::start`], with these variables instead of the harness's.
    pub async fn start_with(variables: &[(&str, &str)]) -> Shop {
        let servers = Servers::get();
        let name = format!("shop_{}", uuid::Uuid::new_v4().simple());
        let database_url = servers.create_database(&name).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let folder = servers.folder(&name);
        let config = Config::from_lookup(|variable| {
            let given = variables.iter().find(|(name, _)| *name == variable);
            if let Some((_, value)) = given {
                return Some(value.to_string());
            }
            match variable {
                "DATABASE_URL" => Some(database_url.clone()),
                "REDIS_URL" => Some(servers.redis_url().to_owned()),
                "IRONMONGER_REDIS_PREFIX" => Some(name.clone()),
                "IRONMONGER_DATABASE_POOL" => Some("10".to_owned()),
                "IRONMONGER_DATA_DIR" => Some(folder.display().to_string()),
                "IRONMONGER_HTTP_ADDR" => Some(addr.to_string()),
                "IRONMONGER_DEV" => Some("true".to_owned()),
                // A test sees at once what it has written, by whatever way. Tests of the cache turn it on.
                "IRONMONGER_CACHE_BYTES" => Some("off".to_owned()),
                _ => None,
            }
        });
        let app = App::new(config.expect("the test's configuration is valid")).expect("the app can be built");
        let stop = CancellationToken::new();
        let router = ironmonger::http::router(app.clone(), stop.clone());
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(stopped).await.expect("the API serves");
        });
        tokio::spawn(app.signals.clone().run(app.db.url().to_owned(), stop.clone()));
        if app.cache.is_on() {
            tokio::spawn(ironmonger::cache::Cache::run(app.clone(), stop.clone()));
        }
        let anonymous = Client::new(format!("http://{addr}"), Auth::None);
        Shop { anonymous, app, stop, database: name, owner: Arc::default(), customer: Arc::default() }
    }

    /// The parts of the process.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Cancels when the shop is dropped.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Files that the shop's processes share.
    pub fn data_dir(&self) -> &Path {
        &self.app.config.data_dir
    }

    /// Somebody signed in with the role `owner`; signs in at the first request.
    pub fn as_owner(&self) -> Client {
        let token = people::Token::owner(self.anonymous.clone(), self.app.clone(), self.owner.clone());
        self.anonymous.with_auth(Auth::Lazy(Box::new(token)))
    }

    /// A registered customer without a role; signs in at the first request.
    pub fn as_customer(&self) -> Client {
        let token = people::Token::customer(self.anonymous.clone(), self.app.clone(), self.customer.clone());
        self.anonymous.with_auth(Auth::Lazy(Box::new(token)))
    }

    /// Whoever this access token belongs to.
    pub fn with_token(&self, token: &str) -> Client {
        self.anonymous.with_auth(Auth::Token(token.to_owned()))
    }

    /// Runs the job relay and a worker on all queues in this process, until the shop is dropped.
    pub fn run_worker(&self) {
        tokio::spawn(ironmonger::jobs::run_relay(self.app.clone(), self.stop.clone()));
        let (app, stop) = (self.app.clone(), self.stop.clone());
        tokio::spawn(async move {
            let options = ironmonger::jobs::WorkerOptions::default();
            ironmonger::jobs::run_worker(app, options, stop)
                .await
                .expect("the worker runs until it is stopped");
        });
    }

    /// The environment of a process that belongs to this shop.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let config = &self.app.config;
        vec![
            ("DATABASE_URL", config.database_url.clone()),
            ("REDIS_URL", config.redis_url.clone()),
            ("IRONMONGER_REDIS_PREFIX", config.redis_prefix.clone()),
            ("IRONMONGER_DATA_DIR", config.data_dir.display().to_string()),
            ("IRONMONGER_DEV", "true".to_owned()),
        ]
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.cancel();
        // A failed test's database stays until the process ends, so that a debugger can look at it.
        if !std::thread::panicking() {
            Servers::get().drop_database(&self.database);
        }
        let _ = std::fs::remove_dir_all(self.data_dir());
    }
}
