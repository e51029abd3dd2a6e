//! A shop with a PostgreSQL and a Redis of its own, for tests that stop or kill these.

use std::ops::Deref;
use std::path::PathBuf;

use ironmonger::dev::services::{Postgres, Purpose, Redis, Services, Wanted};

use super::{Servers, Shop};

/// It derefs to the [`Shop`]. The servers are as durable as in production and end with it.
pub struct PrivateShop {
    shop: Shop,
    services: Services,
    folder: PathBuf,
}

impl Deref for PrivateShop {
    type Target = Shop;
    fn deref(&self) -> &Shop {
        &self.shop
    }
}

impl PrivateShop {
    /// With servers that nobody else uses.
    pub async fn start() -> Self {
        let folder = Servers::get().folder(&format!("private_{}", uuid::Uuid::new_v4().simple()));
        let both = Wanted { postgres: true, redis: true };
        let services =
            Services::start(&folder, Purpose::Development, both).await.expect("the services start");
        let database_url = services.postgres.as_ref().unwrap().url();
        let redis_url = services.redis.as_ref().unwrap().url();
        ironmonger::db::migrate(&database_url).await.expect("the migrations run");
        let variables = [("DATABASE_URL", database_url.as_str()), ("REDIS_URL", redis_url.as_str())];
        Self { shop: Shop::start_with(&variables).await, services, folder }
    }

    /// Its PostgreSQL.
    pub fn postgres(&mut self) -> &mut Postgres {
        self.services.postgres.as_mut().unwrap()
    }

    /// Its Redis.
    pub fn redis(&mut self) -> &mut Redis {
        self.services.redis.as_mut().unwrap()
    }

    /// What its PostgreSQL has written to its log.
    pub fn postgres_log(&self) -> String {
        std::fs::read_to_string(self.folder.join("services/postgres.log")).unwrap()
    }

    /// What Redis has on disk. Take it away only while Redis is dead.
    pub fn forget_redis_files(&self) {
        let files = self.folder.join("services/redis");
        let mut removed = 0;
        for entry in std::fs::read_dir(&files).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) }.unwrap();
            removed += 1;
        }
        assert!(removed > 0, "there is something to forget in {}", files.display());
    }
}
