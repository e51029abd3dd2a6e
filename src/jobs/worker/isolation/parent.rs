//! The worker's side of a job in a process of its own.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use uuid::Uuid;

use crate::dev::child::{Child, Program};
use crate::ids::JobId;
use crate::jobs::JobError;
use crate::jobs::ledger::claim::Claimed;
use crate::jobs::ledger::crash::{self, Crash};
use crate::jobs::ledger::{Durability, Session, answered};
use crate::jobs::worker::Engine;
use crate::jobs::worker::held::Lease;
use crate::jobs::worker::run::Outcome;

use super::{CANCEL, Isolate, Message, Report, Task};

/// How long a process may take until its handler begins; this does not count against the job.
pub const START_PATIENCE: Duration = Duration::from_secs(20);
/// How long a process that has said its last word, or closed its output, may take to end.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// The programs' allocator maps memory ahead, which a limit would count, unless it is told to map what is used.
const MAPPED_AS_USED: [(&str, &str); 2] =
    [("MIMALLOC_ARENA_EAGER_COMMIT", "0"), ("MIMALLOC_PAGE_COMMIT_ON_DEMAND", "1")];
/// What a dead process has written is read within this time, even if a process that it left behind holds the pipe.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs a job in a process of its own, for `timeout` from where its handler begins. Dropping this kills the process.
pub async fn run(isolate: &Isolate, job: &Claimed, timeout: Duration, lease: &Lease) -> Outcome {
    let mut conversation = match Conversation::begin(isolate, job).await {
        Ok(conversation) => conversation,
        Err(error) => return Outcome::NotStarted(format!("The job's own process: {error:#}.")),
    };
    match tokio::time::timeout(START_PATIENCE, conversation.next()).await {
        Ok(Some(Message::Began)) => {}
        Ok(_) => return Outcome::NotStarted(format!("The job's own process {}.", conversation.end().await)),
        Err(_) => {
            let wait_s = START_PATIENCE.as_secs();
            return Outcome::NotStarted(format!("The job's own process was not ready after {wait_s} s."));
        }
    }
    match tokio::time::timeout(timeout, conversation.outcome(lease)).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::TimedOut,
    }
}

struct Conversation {
    mark: String,
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Conversation {
    /// Starts the process and gives it the job.
    async fn begin(isolate: &Isolate, job: &Claimed) -> anyhow::Result<Self> {
        let mark = format!("{}:", Uuid::new_v4().simple());
        let task = Task {
            mark: mark.clone(),
            job_id: job.id,
            lease_token: job.lease_token,
            kind: job.kind.clone(),
            attempt: job.attempt,
            payload: job.payload.clone(),
            created_by: job.created_by,
            traceparent: job.traceparent.clone(),
        };
        let mut line = serde_json::to_string(&task)?;
        line.push('\n');
        let program = Program::new(present(isolate)).args(&isolate.args).piped();
        let program = MAPPED_AS_USED.iter().fold(program, |program, (name, value)| program.env(name, value));
        let mut child = tokio::task::spawn_blocking(move || program.spawn()).await??;
        let (stdin, stdout) = child.take_pipes()?;
        let mut stdin = ChildStdin::from_std(stdin)?;
        let stdout = BufReader::new(ChildStdout::from_std(stdout)?);
        // If it is dead already, that shows in what it answers.
        let _ = stdin.write_all(line.as_bytes()).await;
        Ok(Self { mark, child, stdin, stdout })
    }

    /// What the child says next; `None` when it has nothing more to say.
    async fn next(&mut self) -> Option<Message> {
        let Self { mark, child, stdout, .. } = self;
        tokio::select! {
            biased;
            message = read(mark, stdout) => message,
            () = silence(child) => None,
        }
    }

    async fn outcome(&mut self, lease: &Lease) -> Outcome {
        let Self { mark, child, stdin, stdout } = self;
        let pass_cancel_on = async {
            lease.canceled.cancelled().await;
            let _ = stdin.write_all(format!("{CANCEL}\n").as_bytes()).await;
            std::future::pending::<()>().await;
        };
        let last = tokio::select! {
            biased;
            message = read(mark, stdout) => message,
            () = silence(child) => None,
            () = pass_cancel_on => None,
        };
        match last {
            Some(Message::Ended { report }) => {
                let _ = tokio::time::timeout(END_PATIENCE, self.child.wait()).await;
                report.into()
            }
            Some(Message::Began) | None => {
                Outcome::Died(format!("The process that ran this job {}.", self.end().await))
            }
        }
    }

    /// Waits for the end of the process, and says how it was.
    async fn end(&mut self) -> String {
        let status = match tokio::time::timeout(END_PATIENCE, self.child.wait()).await {
            Ok(status) => status,
            Err(_) => self.child.stop(Signal::SIGKILL, END_PATIENCE).await,
        };
        status.map_or_else(|error| format!("is lost ({error})"), describe)
    }
}

/// The program, also when its file was replaced by a newer version since: the kernel still has ours.
fn present(isolate: &Isolate) -> std::path::PathBuf {
    let own = std::path::PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    if !isolate.program.exists() && own.exists() { own } else { isolate.program.clone() }
}

async fn read(mark: &str, stdout: &mut BufReader<ChildStdout>) -> Option<Message> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if stdout.read_until(b'\n', &mut line).await.ok()? == 0 {
            return None;
        }
        match line.strip_prefix(mark.as_bytes()).map(serde_json::from_slice) {
            Some(Ok(message)) => return Some(message),
            // It died in the middle of a line.
            Some(Err(_)) => return None,
            None => tracing::trace!(line = %String::from_utf8_lossy(&line), "an isolated job printed"),
        }
    }
}

/// Until the process is dead and what it wrote can have been read.
async fn silence(child: &mut Child) {
    let _ = child.wait().await;
    tokio::time::sleep(LAST_WORDS).await;
}

fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(number), _) => {
            let name = Signal::try_from(number).map_or("unknown", |signal| signal.as_str());
            format!("was killed by signal {number} ({name})")
        }
        (None, Some(code)) => format!("exited with code {code}"),
        (None, None) => format!("ended ({status})"),
    }
}

impl From<Report> for Outcome {
    fn from(report: Report) -> Self {
        Outcome::Returned(match report {
            Report::Returned { output } => Ok(output),
            Report::Retry { error } => Err(JobError::Retry(anyhow::Error::msg(error))),
            Report::RetryAfter { delay_ms, error } => {
                Err(JobError::RetryAfter(Duration::from_millis(delay_ms), anyhow::Error::msg(error)))
            }
            Report::Failed { error } => Err(JobError::Fail(anyhow::Error::msg(error))),
            Report::Canceled => Err(JobError::Canceled),
            Report::Panicked { text } => return Outcome::Panicked(text),
        })
    }
}

/// Records that the process of a job died; waits out the absence of the database, and a transaction that the dead process
/// may have left. Not among the other records, which must not wait for that.
pub async fn record_crash(engine: &Engine, crash: &Crash) {
    let mut session = Session::new(engine.app.db.url(), Durability::Durable);
    let mut wait = Duration::from_millis(100);
    loop {
        let outcome = match session.conn().await {
            Ok(conn) => answered(crash::record(conn, crash)).await,
            Err(error) => Err(error),
        };
        match session.settle(outcome) {
            Ok(Some(state)) => {
                tracing::warn!(id = %JobId(crash.id), %state, error = crash.error, "a job crashed")
            }
            Ok(None) => {
                tracing::warn!(id = %JobId(crash.id), "the run counts for nothing: its lease was lost");
            }
            Err(error) => {
                tracing::warn!(error = %format!("{error:#}"), "a crash cannot be recorded");
                if engine.abort.is_cancelled() {
                    return;
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(2));
                continue;
            }
        }
        return;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_process_is_told_in_words() {
        assert_eq!(describe(ExitStatus::from_raw(6)), "was killed by signal 6 (SIGABRT)");
        assert_eq!(describe(ExitStatus::from_raw(3 << 8)), "exited with code 3");
    }
}
