//! `queueLimit`.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use crate::graphql::{ContextExt, UserError, outcome};
use crate::jobs::{self, LimitChange, Rate};

use super::queue::Queue;

/// The limits of a queue, which hold for all workers together. Null removes a limit; what is left out stays.
#[derive(Debug, InputObject)]
pub struct QueueLimitInput {
    /// The queue's name.
    name: String,
    /// Most jobs that run at a time.
    max_running: MaybeUndefined<i32>,
    /// Most jobs that are begun per period.
    rate: MaybeUndefined<QueueRateInput>,
}

/// How often a job of a queue may begin.
#[derive(Debug, InputObject)]
pub struct QueueRateInput {
    /// Jobs per period; after a pause so many may begin at once.
    jobs: i32,
    /// The period, in seconds.
    period_seconds: f64,
}

/// What `queueLimit` answers.
#[derive(SimpleObject)]
pub struct QueueLimitPayload {
    /// The queue as it is now.
    queue: Option<Queue>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// Root fields.
#[derive(Default)]
pub struct QueueLimitMutation;

#[Object]
impl QueueLimitMutation {
    /// Sets or removes the limits of a queue. Jobs that run already go on. Needs JOBS_MANAGE.
    #[graphql(visible = "crate::graphql::visible::jobs_manage")]
    async fn queue_limit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The queue and its limits.")] input: QueueLimitInput,
    ) -> Result<QueueLimitPayload> {
        let rate = |input: QueueRateInput| Rate { jobs: input.jobs, period_seconds: input.period_seconds };
        let change = LimitChange {
            max_running: given(input.max_running),
            rate: given(input.rate).map(|input| input.map(rate)),
        };
        let mut conn = ctx.app().db.get().await?;
        let (queue, user_errors) =
            outcome(jobs::set_limits(&mut conn, ctx.viewer(), &input.name, change).await)?;
        Ok(QueueLimitPayload { queue: queue.map(Queue), user_errors })
    }
}

/// `None` when it was left out, `Some(None)` for null.
fn given<T>(input: MaybeUndefined<T>) -> Option<Option<T>> {
    match input {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}
