//! Following a job.

use std::time::Duration;

use async_graphql::{Context, Result, Subscription};
use futures_util::{Stream, stream};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::access::Viewer;
use crate::app::App;
use crate::graphql::ContextExt;
use crate::ids::JobId;
use crate::jobs::{self, JobRow};
use crate::signals::Signal;

use super::Job;

/// Not every change is announced (see `ledger::finish`), and news may be late while a connection is away.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Root subscriptions.
#[derive(Default)]
pub struct JobSubscription;

#[Subscription]
impl JobSubscription {
    /// A job as it is now, then every change; completes when it is finished. Changes that follow each other closely may be
    /// seen as one. Needs JOBS_READ, but for whoever started it.
    async fn job_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job's id.")] id: JobId,
    ) -> Result<impl Stream<Item = Result<Job>> + use<>> {
        let (app, viewer) = (ctx.app().clone(), ctx.viewer().clone());
        // Listening before reading: nothing falls in between.
        let news = app.signals.subscribe();
        // Who may not read it is told so at once.
        let mut conn = app.db.get().await?;
        jobs::get(&mut conn, &viewer, id).await?;
        drop(conn);
        let follower = Follower { app, viewer, id, news, seen: None };
        Ok(stream::unfold(Some(follower), |follower| async {
            match follower?.next().await {
                Ok(Some((row, follower))) => Some((Ok(Job(row)), follower)),
                Ok(None) => None,
                Err(error) => Some((Err(error.into()), None)),
            }
        }))
    }
}

struct Follower {
    app: App,
    viewer: Viewer,
    id: JobId,
    news: Receiver<Signal>,
    seen: Option<JobRow>,
}

impl Follower {
    /// The next state that differs from the last one, and whoever waits for what follows: nobody if nothing does.
    async fn next(mut self) -> crate::error::Result<Option<(JobRow, Option<Self>)>> {
        loop {
            if self.seen.is_some() {
                self.wait().await;
            }
            let row = {
                let mut conn = self.app.db.get().await?;
                jobs::get(&mut conn, &self.viewer, self.id).await?
            };
            let Some(row) = row else { return Ok(None) };
            if self.seen.as_ref() == Some(&row) {
                continue;
            }
            let finished = row.state.is_finished();
            self.seen = Some(row.clone());
            return Ok(Some((row, (!finished).then_some(self))));
        }
    }

    /// Until the job may have changed.
    async fn wait(&mut self) {
        let heard = async {
            loop {
                match self.news.recv().await {
                    Ok(Signal::Job(id)) if id == self.id.0 => return,
                    Ok(Signal::Resync) | Err(RecvError::Lagged(_)) => return,
                    Ok(_) => {}
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        let _ = tokio::time::timeout(LOOK_AGAIN, heard).await;
    }
}
