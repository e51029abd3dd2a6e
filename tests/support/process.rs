//! Real processes of a shop: `ironmonger serve` and `ironmonger-worker`, to be killed.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use ironmonger::dev::child::{Child, Program};
use ironmonger::dev::services::free_port;
use nix::sys::signal::Signal;
use tokio::net::TcpStream;

use super::Shop;
use super::database::{DEADLINE, wait_up_to};
use super::servers::binary;

/// A process of a shop. Killed when dropped.
pub struct Process {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Shop {
    /// Starts `ironmonger serve` on ports of its own; returns when it listens.
    pub async fn spawn_api(&self) -> Process {
        self.spawn_api_with(&[]).await
    }

    /// The same with more variables.
    pub async fn spawn_api_with(&self, variables: &[(&str, &str)]) -> Process {
        let variables = [&[("IRONMONGER_LOG", "info")], variables].concat();
        self.spawn("ironmonger", &["serve"], "IRONMONGER_HTTP_ADDR", "IRONMONGER_METRICS_ADDR", &variables)
            .await
    }

    /// Starts `ironmonger-worker` with these arguments; returns when its health port listens.
    pub async fn spawn_worker(&self, args: &[&str]) -> Process {
        self.spawn_worker_with(args, &[]).await
    }

    /// The same with more variables.
    pub async fn spawn_worker_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Process {
        self.spawn("ironmonger-worker", args, "IRONMONGER_WORKER_ADDR", "IRONMONGER_HTTP_ADDR", variables)
            .await
    }

    async fn spawn(
        &self,
        name: &str,
        args: &[&str],
        listens_by: &str,
        also_by: &str,
        variables: &[(&str, &str)],
    ) -> Process {
        self.spawn_program(name, Program::new(binary(name)).args(args), listens_by, also_by, variables).await
    }

    /// Starts a program of this shop; returns when it listens where the variable `listens_by` tells it to.
    pub(super) async fn spawn_program(
        &self,
        name: &str,
        program: Program,
        listens_by: &str,
        also_by: &str,
        variables: &[(&str, &str)],
    ) -> Process {
        let port = free_port().unwrap();
        let log = self.data_dir().join(format!("{name}-{port}.log"));
        let mut program = program
            .env(listens_by, format!("127.0.0.1:{port}"))
            .env(also_by, format!("127.0.0.1:{}", free_port().unwrap()))
            .output(File::create(&log).unwrap());
        for (name, value) in self.env() {
            program = program.env(name, value);
        }
        for (name, value) in variables {
            program = program.env(name, value);
        }
        let mut process = Process { child: program.spawn().expect("the process starts"), port, log };
        loop {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return process;
            }
            if let Some(status) = process.child.try_wait().unwrap() {
                panic!("{name} ended at once ({status}):\n{}", process.log());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Process {
    /// `http://127.0.0.1:…` of the API, or of the worker's health.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends SIGTERM.
    pub fn terminate(&mut self) {
        self.child.signal(Signal::SIGTERM);
    }

    /// Sends SIGKILL and waits for the end.
    pub async fn kill9(&mut self) {
        self.child.signal(Signal::SIGKILL);
        self.child.wait().await.unwrap();
    }

    /// Sends any signal (SIGSTOP, SIGCONT).
    pub fn signal(&mut self, signal: Signal) {
        self.child.signal(signal);
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end; the exit code, `None` after a signal.
    pub async fn wait(&mut self) -> Option<i32> {
        self.wait_within(DEADLINE).await
    }

    /// The same with another deadline.
    pub async fn wait_within(&mut self, deadline: Duration) -> Option<i32> {
        let child = std::cell::RefCell::new(&mut self.child);
        wait_up_to(deadline, || async { child.borrow_mut().try_wait().unwrap() }).await.code()
    }
}
