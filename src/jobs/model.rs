//! Rows of the ledger, as people see them.

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz};

use crate::ids::{JobId, UserId};
use crate::schema::{job_attempts, job_schedules, job_workers, jobs};

/// Where a job is in its life.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, async_graphql::Enum, AsExpression, FromSqlRow, serde::Serialize,
)]
#[diesel(sql_type = Text)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobState {
    /// It waits for its time.
    Scheduled,
    /// It is due and waits for a worker.
    Ready,
    /// A worker runs it.
    Running,
    /// It failed and waits to be tried again.
    Retrying,
    /// It did what it should.
    Succeeded,
    /// It failed for good; only an operator's retry brings it back.
    Dead,
    /// It was canceled.
    Canceled,
}

impl JobState {
    /// All of them.
    pub const ALL: [JobState; 7] = [
        JobState::Scheduled,
        JobState::Ready,
        JobState::Running,
        JobState::Retrying,
        JobState::Succeeded,
        JobState::Dead,
        JobState::Canceled,
    ];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Scheduled => "SCHEDULED",
            JobState::Ready => "READY",
            JobState::Running => "RUNNING",
            JobState::Retrying => "RETRYING",
            JobState::Succeeded => "SUCCEEDED",
            JobState::Dead => "DEAD",
            JobState::Canceled => "CANCELED",
        }
    }

    /// Whether nothing more happens by itself.
    pub fn is_finished(self) -> bool {
        matches!(self, JobState::Succeeded | JobState::Dead | JobState::Canceled)
    }
}

impl std::str::FromStr for JobState {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| format!("{text:?} is no state of a job"))
    }
}

impl FromSql<Text, Pg> for JobState {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let text = std::str::from_utf8(value.as_bytes())?;
        Ok(text.parse::<Self>()?)
    }
}

impl ToSql<Text, Pg> for JobState {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(self.as_str(), out)
    }
}

/// A job in the ledger.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = jobs)]
pub struct JobRow {
    /// Time-ordered.
    pub id: JobId,
    /// Which handler.
    pub kind: String,
    /// Where it waits.
    pub queue: String,
    /// Higher first.
    pub priority: i16,
    /// For the handler.
    pub payload: serde_json::Value,
    /// Where it is.
    pub state: JobState,
    /// The number of the last attempt; 0 before the first.
    pub attempt: i32,
    /// After so many it is dead.
    pub max_attempts: i32,
    /// Not before; on the database's clock.
    pub run_at: DateTime<Utc>,
    /// Who ran or runs it last.
    pub worker: Option<String>,
    /// A running one was asked to end.
    pub cancel_requested: bool,
    /// Of `progress_total`, in the job's own unit.
    pub progress_done: i64,
    /// Absent when not known.
    pub progress_total: Option<i64>,
    /// For people.
    pub progress_note: Option<String>,
    /// What a successful run left.
    pub result: Option<serde_json::Value>,
    /// Why the last attempt that failed did.
    pub last_error: Option<String>,
    /// The W3C trace context of who enqueued it.
    pub traceparent: Option<String>,
    /// May read it.
    pub created_by: Option<UserId>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When the last attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One attempt at a job.
#[derive(Debug, Clone, Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = job_attempts)]
pub struct Attempt {
    /// The job.
    pub job_id: JobId,
    /// Counts from 1.
    pub number: i32,
    /// Who ran it.
    pub worker: String,
    /// From.
    pub started_at: DateTime<Utc>,
    /// To; absent while it runs.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

impl JobRow {
    /// Only attempts that failed have a record; the last one, if it did not, stands in the row.
    pub fn current_attempt(&self, failed: &[Attempt]) -> Option<Attempt> {
        let recorded = failed.iter().any(|attempt| attempt.number == self.attempt);
        let ran = matches!(self.state, JobState::Running | JobState::Succeeded | JobState::Canceled);
        if recorded || !ran || self.attempt == 0 {
            return None;
        }
        Some(Attempt {
            job_id: self.id,
            number: self.attempt,
            worker: self.worker.clone()?,
            started_at: self.started_at?,
            finished_at: self.finished_at,
            error: None,
        })
    }
}

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// Jobs that are begun per period; so many may be begun at once.
    pub jobs: i32,
    /// The period, in seconds.
    pub period_seconds: f64,
}

/// How full a queue is, and what limits it.
#[derive(Debug, Clone, PartialEq, QueryableByName, serde::Serialize)]
pub struct QueueCounts {
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Nothing of it is begun.
    #[diesel(sql_type = Bool)]
    pub paused: bool,
    /// Due and waiting.
    #[diesel(sql_type = BigInt)]
    pub ready: i64,
    /// Being run.
    #[diesel(sql_type = BigInt)]
    pub running: i64,
    /// Waiting for their time.
    #[diesel(sql_type = BigInt)]
    pub scheduled: i64,
    /// Waiting to be tried again.
    #[diesel(sql_type = BigInt)]
    pub retrying: i64,
    /// Failed for good.
    #[diesel(sql_type = BigInt)]
    pub dead: i64,
    /// How long the oldest of the ready ones has waited.
    #[diesel(sql_type = Nullable<Double>)]
    pub oldest_ready_age_s: Option<f64>,
    /// Since when that one is due; on the database's clock.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub oldest_ready_at: Option<DateTime<Utc>>,
    /// Most jobs that run at a time; unlimited if absent.
    #[diesel(sql_type = Nullable<Integer>)]
    pub max_running: Option<i32>,
    /// See [`QueueCounts::rate`].
    #[diesel(sql_type = Nullable<Integer>)]
    pub rate_limit: Option<i32>,
    /// See [`QueueCounts::rate`].
    #[diesel(sql_type = Nullable<Double>)]
    pub rate_period_seconds: Option<f64>,
}

impl QueueCounts {
    /// Most jobs that are begun per period; unlimited if absent.
    pub fn rate(&self) -> Option<Rate> {
        Some(Rate { jobs: self.rate_limit?, period_seconds: self.rate_period_seconds? })
    }

    /// Each count with the name of its state.
    pub fn by_state(&self) -> [(&'static str, i64); 5] {
        [
            ("ready", self.ready),
            ("running", self.running),
            ("scheduled", self.scheduled),
            ("retrying", self.retrying),
            ("dead", self.dead),
        ]
    }
}

/// A worker process.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = job_workers)]
pub struct WorkerRow {
    /// Unique for every start.
    pub id: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: i32,
    /// Of the program.
    pub version: String,
    /// What it takes.
    pub queues: Vec<String>,
    /// Most jobs at a time.
    pub concurrency: i32,
    /// Jobs in its hands.
    pub running: i32,
    /// Since.
    pub started_at: DateTime<Utc>,
    /// Last sign of life.
    pub last_seen_at: DateTime<Utc>,
}

/// A job that is enqueued by the clock.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = job_schedules)]
pub struct ScheduleRow {
    /// Its name.
    pub name: String,
    /// What it enqueues.
    pub kind: String,
    /// Where.
    pub queue: String,
    /// Six fields with seconds, in UTC.
    pub cron: String,
    /// Whether it fires.
    pub enabled: bool,
    /// When it fired last.
    pub last_run_at: Option<DateTime<Utc>>,
    /// When it fires next.
    pub next_run_at: Option<DateTime<Utc>>,
}
