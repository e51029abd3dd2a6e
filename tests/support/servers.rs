//! PostgreSQL and Redis of this test process, and the template that every test's database is a copy of.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, mpsc};

use ironmonger::dev::services::{Purpose, Services, Wanted};
use tokio_postgres::NoTls;
use tokio_postgres::config::Host;

/// What the tests of this process share.
pub struct Servers {
    admin_url: String,
    redis_url: String,
    template: String,
    folder: PathBuf,
    rubbish: Mutex<mpsc::Sender<String>>,
}

impl Servers {
    /// Starts them at the first call.
    pub fn get() -> &'static Servers {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        // A thread of its own: the caller is inside a runtime, which ends with its test.
        SERVERS.get_or_init(|| std::thread::spawn(start).join().expect("the servers start"))
    }

    /// `redis://…`
    pub fn redis_url(&self) -> &str {
        &self.redis_url
    }

    /// A new empty folder.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// A new migrated database; its URL.
    pub async fn create_database(&self, name: &str) -> String {
        run(&self.admin_url, &format!("CREATE DATABASE {name} TEMPLATE {}", self.template)).await;
        with_database(&self.admin_url, name)
    }

    /// A new database without tables; its URL.
    pub async fn create_empty_database(&self, name: &str) -> String {
        run(&self.admin_url, &format!("CREATE DATABASE {name}")).await;
        with_database(&self.admin_url, name)
    }

    /// Drops a database soon, in the background.
    pub fn drop_database(&self, name: &str) {
        let _ = self.rubbish.lock().unwrap().send(name.to_owned());
    }
}

/// Begins the names of what tests leave in the temporary folder.
const FOLDER_PREFIX: &str = "ironmonger-test-";

fn start() -> Servers {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let servers = runtime.block_on(async {
        let given = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (database_url, redis_url) = (given("TEST_DATABASE_URL"), given("TEST_REDIS_URL"));
        let folder = make_folder();
        let wanted = Wanted { postgres: database_url.is_none(), redis: redis_url.is_none() };
        let services = Services::start(&folder, Purpose::Tests, wanted).await.expect("the services start");
        let admin_url = database_url.or(services.postgres.as_ref().map(|it| it.url())).unwrap();
        let redis_url = redis_url.or(services.redis.as_ref().map(|it| it.url())).unwrap();
        // They stay until the process ends, which ends them.
        std::mem::forget(services);

        let template = format!("template_{}", uuid::Uuid::new_v4().simple());
        run(&admin_url, &format!("CREATE DATABASE {template}")).await;
        ironmonger::db::migrate(&with_database(&admin_url, &template)).await.expect("the migrations run");
        let (rubbish, dropped) = mpsc::channel::<String>();
        let url = admin_url.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            for name in dropped {
                runtime.block_on(run(&url, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
            }
        });
        Servers { admin_url, redis_url, template, folder, rubbish: Mutex::new(rubbish) }
    });
    std::mem::forget(runtime);
    servers
}

/// A folder in the system's temporary folder, where the account that PostgreSQL runs as can reach it even when root
/// runs the tests. A shell removes it once this process is gone, however it ended.
fn make_folder() -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let folder = std::env::temp_dir().join(format!("{FOLDER_PREFIX}{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = r#"cat >/dev/null
        for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; rm -rf "$1" 2>/dev/null && exit; done"#;
    let mut sweeper = Command::new("sh");
    sweeper.args(["-c", script, "sweeper"]).arg(&folder);
    sweeper
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    // Forgotten with the writing end of its pipe, which stays open until this process ends.
    std::mem::forget(sweeper.spawn().unwrap());
    folder
}

/// The URL with another database in it.
fn with_database(url: &str, database: &str) -> String {
    let config: tokio_postgres::Config = url.parse().expect("TEST_DATABASE_URL is a PostgreSQL URL");
    let Some(Host::Tcp(host)) = config.get_hosts().first() else { panic!("TEST_DATABASE_URL names no host") };
    let port = config.get_ports().first().unwrap_or(&5432);
    let user = config.get_user().unwrap_or("ironmonger");
    let password =
        config.get_password().map(|it| format!(":{}", String::from_utf8_lossy(it))).unwrap_or_default();
    format!("postgres://{user}{password}@{host}:{port}/{database}")
}

/// Runs one statement on a connection of its own.
pub async fn run(url: &str, statement: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server answers");
    let connection = tokio::spawn(connection);
    client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    drop(client);
    let _ = connection.await;
}

/// The sibling of the `ironmonger` binary under test.
pub fn binary(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_ironmonger")).with_file_name(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --workspace`", path.display());
    path
}
