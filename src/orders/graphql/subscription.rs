//! News of an order.

use async_graphql::{Context, Result, Subscription};
use futures_util::Stream;
use futures_util::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::app::App;
use crate::error::{Code, Error};
use crate::graphql::ContextExt;
use crate::ids::OrderId;
use crate::orders;
use crate::signals::Signal;

use super::Order;

/// Root subscriptions to orders.
#[derive(Default)]
pub struct OrderSubscription;

#[Subscription]
impl OrderSubscription {
    /// The order that this access token opens: as it is now at once, then after every change.
    async fn order_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `accessToken` that `orderPlace` answered with.")] token: String,
    ) -> Result<impl Stream<Item = Result<Order>>> {
        let app = ctx.app().clone();
        // Before the first read, so that no change falls between the two.
        let signals = app.signals.subscribe();
        let order = {
            let mut conn = app.db.get().await?;
            orders::find_by_token(&mut conn, &token).await.map_err(Error::from)?
        };
        let order =
            order.ok_or_else(|| Error::request(Code::BadUserInput, "No order has this access token."))?;
        let state = State { app, signals, id: order.id, version: 0, current: Some(order) };
        Ok(stream::unfold(state, |mut state| async move { Some((state.next().await?, state)) }))
    }
}

struct State {
    app: App,
    signals: Receiver<Signal>,
    id: OrderId,
    /// The version that was emitted last.
    version: i64,
    /// Read, but not emitted yet.
    current: Option<orders::Order>,
}

impl State {
    async fn next(&mut self) -> Option<Result<Order>> {
        loop {
            if let Some(order) = self.current.take()
                && order.version > self.version
            {
                self.version = order.version;
                return Some(Ok(order.into()));
            }
            self.wait().await?;
            match self.read().await {
                Ok(order) => self.current = order,
                Err(error) => return Some(Err(error.into())),
            }
        }
    }

    /// Returns when the order may have changed; `None` when the process ends.
    async fn wait(&mut self) -> Option<()> {
        loop {
            match self.signals.recv().await {
                Ok(Signal::Event { id, .. }) if id == self.id.0 => return Some(()),
                Ok(Signal::Resync) | Err(RecvError::Lagged(_)) => return Some(()),
                Ok(_) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    async fn read(&self) -> crate::error::Result<Option<orders::Order>> {
        Ok(orders::find(&mut *self.app.db.get().await?, self.id).await?)
    }
}
