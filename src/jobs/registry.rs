//! Every kind of job that this version knows, and what it runs by the clock.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Job, JobContext, JobError};

/// The kinds and schedules of the product. A feature adds one line per job.
pub fn all() -> Registry {
    let mut registry = Registry::default();
    registry.add::<crate::bulk::jobs::CatalogImport>();
    registry.add::<crate::bulk::jobs::CatalogExport>();
    registry.add::<crate::bulk::jobs::BulkSweep>();
    registry.schedule("bulk.sweep", "0 41 * * * *", &crate::bulk::jobs::BulkSweep {});
    registry.add::<crate::media::DeriveRenditions>();
    registry.add::<crate::media::MediaSweep>();
    registry.schedule("media.sweep", "0 53 * * * *", &crate::media::MediaSweep {});
    registry.add::<crate::catalog::TurnPrices>();
    registry.schedule("catalog.turn-prices", "30 * * * * *", &crate::catalog::TurnPrices::default());
    registry.add::<crate::catalog::ReviewStock>();
    registry.schedule("catalog.review", "10 */5 * * * *", &crate::catalog::ReviewStock {});
    registry.add::<crate::catalog::ApplyRule>();
    registry.add::<crate::catalog::ApplyRules>();
    registry.schedule("catalog.apply-rules", "50 */10 * * * *", &crate::catalog::ApplyRules {});
    registry.add::<super::maintenance::Prune>();
    registry.schedule("maintenance.prune", "0 17 * * * *", &super::maintenance::Prune {});
    registry.add::<crate::access::PurgeSessions>();
    registry.schedule("access.purge-sessions", "0 29 * * * *", &crate::access::PurgeSessions {});
    registry.add::<crate::carts::AbandonCarts>();
    registry.schedule("carts.abandon", "0 53 3 * * *", &crate::carts::AbandonCarts {});
    registry.add::<crate::fulfillment::SendShippingNotice>();
    registry.add::<crate::orders::SendConfirmation>();
    registry.add::<crate::payments::ExpireAction>();
    registry.add::<crate::payments::ReleasePayment>();
    registry.add::<crate::payments::SettlePayment>();
    registry.add::<crate::payments::SubmitRefund>();
    registry.add::<crate::search::CountWords>();
    registry.schedule("search.count-words", "0 7 * * * *", &crate::search::CountWords {});
    registry
}

type Run = Box<
    dyn Fn(serde_json::Value, JobContext) -> BoxFuture<'static, Result<serde_json::Value, JobError>>
        + Send
        + Sync,
>;

/// A kind of job with its type erased.
pub struct Handler {
    /// As stored.
    pub kind: &'static str,
    /// Where it waits.
    pub queue: &'static str,
    /// Attempts before it is dead.
    pub max_attempts: i32,
    /// Higher first.
    pub priority: i16,
    /// A longer run has failed.
    pub timeout: Duration,
    /// How long to wait after an attempt.
    pub backoff: fn(i32) -> Duration,
    run: Run,
}

impl Handler {
    /// Runs the job with this payload.
    pub fn run(
        &self,
        payload: serde_json::Value,
        ctx: JobContext,
    ) -> BoxFuture<'static, Result<serde_json::Value, JobError>> {
        (self.run)(payload, ctx)
    }
}

/// A job that is enqueued by the clock.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its name in the ledger.
    pub name: &'static str,
    /// What it enqueues.
    pub kind: &'static str,
    /// Where.
    pub queue: &'static str,
    /// Six fields with seconds, in UTC.
    pub cron: &'static str,
    /// With this payload.
    pub payload: serde_json::Value,
}

/// A set of kinds and schedules. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry {
    handlers: HashMap<&'static str, Arc<Handler>>,
    schedules: Vec<Schedule>,
}

impl Registry {
    /// Adds a kind of job.
    ///
    /// # Panics
    /// If the kind is there already: two jobs with one name would run each other's payloads.
    pub fn add<J: Job>(&mut self) -> &mut Self {
        let run: Run = Box::new(|payload, ctx| {
            Box::pin(async move {
                let job: J = serde_json::from_value(payload).map_err(|error| {
                    JobError::Fail(anyhow::anyhow!("the payload cannot be read: {error}"))
                })?;
                let output = job.run(ctx).await?;
                serde_json::to_value(output).map_err(JobError::fail)
            })
        });
        let handler = Handler {
            kind: J::KIND,
            queue: J::QUEUE,
            max_attempts: J::MAX_ATTEMPTS,
            priority: J::PRIORITY,
            timeout: J::TIMEOUT,
            backoff: J::backoff,
            run,
        };
        let twice = self.handlers.insert(J::KIND, Arc::new(handler)).is_some();
        assert!(!twice, "the job kind {} is registered twice", J::KIND);
        self
    }

    /// Enqueues `job` by the clock. A run that is due while the last one is unfinished is left out.
    ///
    /// # Panics
    /// If the expression cannot be read.
    pub fn schedule<J: Job>(&mut self, name: &'static str, cron: &'static str, job: &J) -> &mut Self {
        assert!(cron.parse::<cron::Schedule>().is_ok(), "the schedule {name} has the expression {cron}");
        let payload = serde_json::to_value(job).expect("the payload of a schedule is plain data");
        self.schedules.push(Schedule { name, kind: J::KIND, queue: J::QUEUE, cron, payload });
        self
    }

    /// The handler of a kind.
    pub fn handler(&self, kind: &str) -> Option<&Arc<Handler>> {
        self.handlers.get(kind)
    }

    /// The kinds.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.handlers.keys().copied().collect()
    }

    /// The queues of all kinds, sorted.
    pub fn queues(&self) -> Vec<&'static str> {
        let queues: BTreeSet<_> = self.handlers.values().map(|handler| handler.queue).collect();
        queues.into_iter().collect()
    }

    /// The schedules.
    pub fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }
}
