//! `ironmonger dev`, as a real process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ironmonger::dev::child::{Child, Program};
use ironmonger::dev::services::free_port;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{Servers, binary, wait_until};

struct Dev {
    child: Child,
    folder: PathBuf,
    ports: [u16; 3],
    http: reqwest::Client,
}

fn ports() -> [u16; 3] {
    [free_port().unwrap(), free_port().unwrap(), free_port().unwrap()]
}

fn start(folder: &Path, ports: [u16; 3]) -> Dev {
    let addr = |port| format!("127.0.0.1:{port}");
    let child = Program::new(binary("ironmonger"))
        .args(["dev"])
        // Empty counts as unset, whatever the tests' own environment says.
        .env("DATABASE_URL", "")
        .env("REDIS_URL", "")
        .env("IRONMONGER_DATA_DIR", folder.join("data"))
        .env("IRONMONGER_HTTP_ADDR", addr(ports[0]))
        .env("IRONMONGER_METRICS_ADDR", addr(ports[1]))
        .env("IRONMONGER_WORKER_ADDR", addr(ports[2]))
        .output(File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    ironmonger::tls::choose_crypto();
    Dev { child, folder: folder.to_owned(), ports, http: reqwest::Client::new() }
}

impl Dev {
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    async fn ready(&mut self) {
        loop {
            if self.log().contains("Ctrl-C stops it") {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("it ended ({status}):\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn query(&self, query: &str) -> Value {
        let url = format!("http://127.0.0.1:{}/graphql", self.ports[0]);
        let request =
            self.http.post(url).header("Accept", "application/json").json(&json!({ "query": query }));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The command names of its children and theirs, by process id.
    fn descendants(&self) -> Vec<(u32, String)> {
        let mut found = Vec::new();
        let mut parents = vec![self.child.id()];
        while let Some(parent) = parents.pop() {
            for (pid, name, its_parent) in processes() {
                if its_parent == parent {
                    parents.push(pid);
                    found.push((pid, name));
                }
            }
        }
        found
    }

    async fn stop(mut self) -> Duration {
        let started = Instant::now();
        let status = self.child.stop(Signal::SIGTERM, Duration::from_secs(20)).await.unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.log());
        started.elapsed()
    }
}

/// Every process that has not ended: id, name, parent.
fn processes() -> Vec<(u32, String, u32)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stats
        .filter_map(|stat| {
            let (before, after) = stat.rsplit_once(") ")?;
            let (pid, name) = before.split_once(" (")?;
            let mut fields = after.split(' ');
            let state = fields.next()?;
            let parent = fields.next()?;
            (state != "Z").then(|| (pid.parse().unwrap(), name.to_owned(), parent.parse().unwrap()))
        })
        .collect()
}

#[tokio::test]
async fn the_first_run_opens_a_filled_shop_and_the_second_one_keeps_it() {
    let folder = Servers::get().folder("dev-filled");
    let ports = ports();
    let mut dev = start(&folder, ports);
    dev.ready().await;
    let log = dev.log();
    let pages = ["graphiql", "jobs"].map(|page| format!("http://127.0.0.1:{}/{page}\n", ports[0]));
    for text in pages.iter().map(String::as_str).chain(["owner@ironmonger.test / ironmonger"]) {
        assert!(log.contains(text), "{text} is missing:\n{log}");
    }
    let from = log.find("query ProductList").unwrap();
    let to = log.find("\nCtrl-C stops it").unwrap();
    let body = dev.query(&log[from..to]).await;
    assert_eq!(body["data"]["products"]["nodes"].as_array().map(Vec::len), Some(5), "{body}");
    let login = "mutation { sessionCreate(input: { email: \"owner@ironmonger.test\", password: \"ironmonger\" }) \
                 { accessToken userErrors { message } } }";
    let body = dev.query(login).await;
    assert!(body["data"]["sessionCreate"]["accessToken"].is_string(), "{body}");
    let count = "{ products(first: 1) { totalCount } }";
    let before = dev.query(count).await;
    let took = dev.stop().await;
    assert!(took < Duration::from_secs(5), "it took {took:?} to stop");

    let mut dev = start(&folder, ports);
    dev.ready().await;
    assert_eq!(dev.query(count).await, before);
    dev.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_outlives_a_killed_supervisor_and_the_next_one_recovers() {
    let folder = Servers::get().folder("dev-killed");
    let ports = ports();
    let mut dev = start(&folder, ports);
    dev.ready().await;
    let children = dev.descendants();
    for name in ["postgres", "redis-server", "ironmonger-work"] {
        assert!(children.iter().any(|(_, child)| child == name), "no {name} in {children:?}");
    }
    dev.child.signal(Signal::SIGKILL);
    dev.child.wait().await.unwrap();
    let mut again = start(&folder, ports);
    wait_until(|| async {
        let alive = processes();
        children.iter().all(|(pid, name)| !alive.iter().any(|(p, n, _)| p == pid && n == name)).then_some(())
    })
    .await;
    again.ready().await;
    again.stop().await;
}

#[tokio::test]
async fn a_second_instance_and_a_taken_port_are_explained() {
    let folder = Servers::get().folder("dev-second");
    let mut first = start(&folder, ports());
    first.ready().await;
    let second_folder = folder.join("second");
    std::fs::create_dir(&second_folder).unwrap();
    std::os::unix::fs::symlink(folder.join("data"), second_folder.join("data")).unwrap();
    let mut second = start(&second_folder, ports());
    assert_eq!(second.child.wait().await.unwrap().code(), Some(1));
    let pid = first.child.id();
    assert!(second.log().contains(&format!("another `ironmonger dev` (process {pid})")), "{}", second.log());

    let other = Servers::get().folder("dev-port");
    let mut third = start(&other, first.ports);
    assert_eq!(third.child.wait().await.unwrap().code(), Some(1));
    let log = third.log();
    assert!(
        log.contains(&format!("port {}", first.ports[0])) && log.contains("IRONMONGER_HTTP_ADDR"),
        "{log}"
    );
    first.stop().await;
}
