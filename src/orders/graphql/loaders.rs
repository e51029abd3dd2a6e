//! Batched reads of what hangs on orders.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;

use crate::error::Error;
use crate::graphql::BatchReader;
use crate::ids::OrderId;
use crate::orders::{OrderLine, queries};

/// The lines of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinesOf(pub OrderId);

impl Loader<LinesOf> for BatchReader {
    type Value = Vec<OrderLine>;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[LinesOf]) -> Result<HashMap<LinesOf, Self::Value>, Self::Error> {
        let ids: Vec<OrderId> = keys.iter().map(|key| key.0).collect();
        let lines = queries::lines_of(&mut *self.app.db.get().await?, &ids).await.map_err(Error::from)?;
        let mut by_order: HashMap<LinesOf, Vec<OrderLine>> = HashMap::new();
        for line in lines {
            by_order.entry(LinesOf(line.order_id)).or_default().push(line);
        }
        Ok(by_order)
    }
}
