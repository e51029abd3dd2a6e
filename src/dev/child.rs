//! Child processes that never outlive this one, not even when it is killed.
//!
//! On Linux the kernel does it: `setpriv --pdeathsig` (util-linux) asks for a signal at the parent's death and then
//! becomes the program. Elsewhere a shell waits for the end of a pipe that only this process holds, and sends the signal.
//! Each child leads a process group of its own, so that Ctrl-C in a terminal reaches this process alone and the
//! children stop in the right order.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often a child that should end is looked at.
const POLL: Duration = Duration::from_millis(5);

/// Whose rights a child has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// For people.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// What is to be started.
pub struct Program {
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    bare_env: bool,
    account: Option<Account>,
    current_dir: Option<PathBuf>,
    output: Option<File>,
    piped: bool,
    dies_by: Signal,
}

impl Program {
    /// A program without arguments that inherits the environment and the output of this process.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            bare_env: false,
            account: None,
            current_dir: None,
            output: None,
            piped: false,
            dies_by: Signal::SIGKILL,
        }
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Inherits only PATH, so that settings meant for other programs (PGHOST, LC_ALL) change nothing.
    pub fn bare_env(mut self) -> Self {
        self.bare_env = true;
        self
    }

    /// Runs with the rights of another account; only root can.
    pub fn account(mut self, account: Option<&Account>) -> Self {
        self.account = account.cloned();
        self
    }

    /// Starts in this folder.
    pub fn current_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.current_dir = Some(path.into());
        self
    }

    /// Writes standard output and error to this file.
    pub fn output(mut self, file: File) -> Self {
        self.output = Some(file);
        self
    }

    /// Connects its standard input and output with this process, see [`Child::take_pipes`].
    pub fn piped(mut self) -> Self {
        self.piped = true;
        self
    }

    /// The signal that it gets when this process is gone. SIGKILL unless told otherwise.
    pub fn dies_by(mut self, signal: Signal) -> Self {
        self.dies_by = signal;
        self
    }

    /// Starts it.
    pub fn spawn(self) -> io::Result<Child> {
        // The kernel sends the death signal when the thread that forked ends, so that thread lives as long as the process.
        on_spawner_thread(move || self.spawn_here())
    }

    fn spawn_here(self) -> io::Result<Child> {
        let kernel_tells = setpriv_works();
        let mut command = if kernel_tells {
            let mut command = Command::new("setpriv");
            command.arg("--pdeathsig").arg(short_name(self.dies_by)).arg("--").arg(&self.path);
            command
        } else {
            Command::new(&self.path)
        };
        command.args(&self.args).stdin(Stdio::null()).process_group(0);
        if self.bare_env {
            command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        }
        command.envs(self.env);
        // The account changes before setpriv runs: a later change would clear the death signal.
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        if let Some(folder) = &self.current_dir {
            command.current_dir(folder);
        }
        if let Some(file) = self.output {
            command.stdout(file.try_clone()?).stderr(file);
        }
        if self.piped {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        }
        let process = command.spawn()?;
        let mut child = Child { process, guard: None, status: None, dies_by: self.dies_by };
        if !kernel_tells {
            child.guard = Some(guard(self.dies_by, child.process.id())?);
        }
        Ok(child)
    }
}

/// A running child. Dropping it sends the signal it dies by, and waits for its end when that is SIGKILL.
pub struct Child {
    process: std::process::Child,
    guard: Option<std::process::Child>,
    status: Option<ExitStatus>,
    dies_by: Signal,
}

impl Child {
    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its standard input and output, once, if it was started with [`Program::piped`].
    pub fn take_pipes(&mut self) -> io::Result<(ChildStdin, ChildStdout)> {
        let pipes = self.process.stdin.take().zip(self.process.stdout.take());
        pipes.ok_or_else(|| io::Error::other("the child has no pipes, or they are taken"))
    }

    /// How it ended, if it has.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none()
            && let Some(status) = self.process.try_wait()?
        {
            self.ended(status);
        }
        Ok(self.status)
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Sends a signal; does nothing once it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if let Ok(None) = self.try_wait() {
            // Not reaped yet, so the id is still its own.
            let _ = kill(Pid::from_raw(self.process.id() as i32), signal);
        }
    }

    /// Sends `signal`, waits for the end as long as `patience`, then kills.
    pub async fn stop(&mut self, signal: Signal, patience: Duration) -> io::Result<ExitStatus> {
        self.signal(signal);
        match tokio::time::timeout(patience, self.wait()).await {
            Ok(status) => status,
            Err(_) => {
                self.signal(Signal::SIGKILL);
                self.wait().await
            }
        }
    }

    fn ended(&mut self, status: ExitStatus) {
        self.status = Some(status);
        if let Some(mut guard) = self.guard.take() {
            let _ = guard.kill();
            let _ = guard.wait();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(self.dies_by);
        if self.dies_by == Signal::SIGKILL
            && self.status.is_none()
            && let Ok(status) = self.process.wait()
        {
            self.ended(status);
        }
    }
}

/// Ends a process that an earlier run left behind, if `pid` is still a process of that name; waits for it.
/// True when nothing is left.
pub async fn end_leftover(pid: i32, name: &str, signal: Signal, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    let mut told = false;
    while pid > 1 && kill(Pid::from_raw(pid), None) != Err(nix::Error::ESRCH) {
        // Without /proc the name cannot be told, and a signal might hit a stranger: only wait.
        match std::fs::read_to_string(format!("/proc/{pid}/stat")).as_deref().map(name_and_state) {
            Ok(Some((found, _))) if found != name => return true,
            // It has ended, but its parent (in a container often one that never looks) has not been told.
            Ok(Some((_, 'Z' | 'X'))) => return true,
            Ok(_) if !told => {
                let _ = kill(Pid::from_raw(pid), signal);
                told = true;
            }
            _ => {}
        }
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}

/// The two fields of `/proc/<pid>/stat`: `123 (redis-server) S 1 …`.
fn name_and_state(stat: &str) -> Option<(&str, char)> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    Some((name, after.trim_start().chars().next()?))
}

fn short_name(signal: Signal) -> &'static str {
    signal.as_str().trim_start_matches("SIG")
}

/// Whether this system's setpriv can set the death signal (util-linux can, busybox cannot).
fn setpriv_works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        let probe = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        cfg!(target_os = "linux") && probe.is_ok_and(|status| status.success())
    })
}

/// A shell that sends `signal` to `pid` once this process is gone and the pipe to it ends.
fn guard(signal: Signal, pid: u32) -> io::Result<std::process::Child> {
    Command::new("sh")
        .args(["-c", r#"cat >/dev/null; kill -s "$1" "$2""#, "guard", short_name(signal), &pid.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

type Work = Box<dyn FnOnce() + Send>;

fn on_spawner_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    static SPAWNER: OnceLock<mpsc::Sender<Work>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Work>();
        std::thread::Builder::new()
            .name("spawner".into())
            .spawn(move || receiver.into_iter().for_each(|work| work()))
            .expect("a thread can be started when the process begins");
        sender
    });
    let (answer, answered) = mpsc::channel();
    let job: Work = Box::new(move || {
        let _ = answer.send(work());
    });
    spawner.send(job).expect("the spawner never ends: its sender is static");
    answered.recv().expect("the spawner always answers: starting a process does not panic")
}
