//! The private services of `ironmonger dev`.

use std::time::Duration;

use ironmonger::dev::services::{Purpose, Services, Wanted};
use nix::sys::signal::Signal;

use crate::support::Servers;

const BOTH: Wanted = Wanted { postgres: true, redis: true };

async fn sql(services: &Services) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(&services.postgres.as_ref().unwrap().url(), tokio_postgres::NoTls)
            .await
            .unwrap();
    tokio::spawn(connection);
    client
}

async fn set(services: &Services, value: &str) {
    let client = sql(services).await;
    client.batch_execute("CREATE TABLE IF NOT EXISTS kept (value text)").await.unwrap();
    client.execute("INSERT INTO kept VALUES ($1)", &[&value]).await.unwrap();
    let mut redis = connect(services).await;
    let _: () = redis::cmd("SET").arg("kept").arg(value).query_async(&mut redis).await.unwrap();
}

async fn get(services: &Services) -> (String, String) {
    let client = sql(services).await;
    let row = client.query_one("SELECT value FROM kept", &[]).await.unwrap();
    let mut redis = connect(services).await;
    (row.get(0), redis::cmd("GET").arg("kept").query_async(&mut redis).await.unwrap())
}

async fn connect(services: &Services) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(services.redis.as_ref().unwrap().url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn data_and_addresses_stay_over_a_restart() {
    let folder = Servers::get().folder("restart");
    let services = Services::start(&folder, Purpose::Development, BOTH).await.unwrap();
    let urls = (services.postgres.as_ref().unwrap().url(), services.redis.as_ref().unwrap().url());
    set(&services, "yes").await;
    services.stop().await;

    let services = Services::start(&folder, Purpose::Development, BOTH).await.unwrap();
    assert_eq!(get(&services).await, ("yes".to_owned(), "yes".to_owned()));
    assert_eq!((services.postgres.as_ref().unwrap().url(), services.redis.as_ref().unwrap().url()), urls);
    services.stop().await;
}

#[tokio::test]
async fn what_somebody_sets_in_postgresql_stays() {
    let folder = Servers::get().folder("settings");
    let services = Services::start(&folder, Purpose::Development, BOTH).await.unwrap();
    let client = sql(&services).await;
    let shown = client.query_one("SHOW max_wal_size", &[]).await.unwrap();
    assert_eq!(shown.get::<_, &str>(0), "4GB");
    client.batch_execute("ALTER SYSTEM SET max_wal_size = '5GB'").await.unwrap();
    services.stop().await;

    let services = Services::start(&folder, Purpose::Development, BOTH).await.unwrap();
    let shown = sql(&services).await.query_one("SHOW max_wal_size", &[]).await.unwrap();
    assert_eq!(shown.get::<_, &str>(0), "5GB");
    services.stop().await;
}

#[tokio::test]
async fn killed_services_recover() {
    let folder = Servers::get().folder("killed");
    let mut services = Services::start(&folder, Purpose::Development, BOTH).await.unwrap();
    set(&services, "yes").await;
    // The append-only file is written once a second.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    services.postgres.as_mut().unwrap().signal(Signal::SIGKILL);
    services.redis.as_mut().unwrap().signal(Signal::SIGKILL);
    services.postgres.as_mut().unwrap().restart().await.unwrap();
    services.redis.as_mut().unwrap().restart().await.unwrap();
    assert_eq!(get(&services).await, ("yes".to_owned(), "yes".to_owned()));
    services.stop().await;
}

#[tokio::test]
async fn data_of_another_major_version_is_named() {
    let folder = Servers::get().folder("version");
    let services = Services::start(&folder, Purpose::Development, BOTH).await.unwrap();
    services.stop().await;
    std::fs::write(folder.join("services/postgres/PG_VERSION"), "11\n").unwrap();
    let error = Services::start(&folder, Purpose::Development, BOTH).await.err().unwrap();
    let text = format!("{error:#}");
    assert!(text.contains("made by PostgreSQL 11") && text.contains("install version 11"), "{text}");
}
