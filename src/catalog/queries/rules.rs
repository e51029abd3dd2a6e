//! The rule of a collection, and where it is seen, as staff read them.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::catalog::rules::Rule;
use crate::graphql::BatchReader;
use crate::ids::{ChannelId, CollectionId};
use crate::schema::{collection_channels, collections};

use super::by_parent;
use super::staff::Publication;

/// The rule of a collection, and whether it has been worked over all products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RuleOf(pub CollectionId);

impl Loader<RuleOf> for BatchReader {
    type Value = (Rule, bool);
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[RuleOf]) -> Result<HashMap<RuleOf, (Rule, bool)>, Self::Error> {
        let ids: Vec<CollectionId> = keys.iter().map(|key| key.0).collect();
        let rows: Vec<(CollectionId, Option<serde_json::Value>, bool)> = collections::table
            .filter(collections::id.eq_any(&ids).and(collections::rule.is_not_null()))
            .select((
                collections::id,
                collections::rule,
                collections::rule_applied.eq(collections::rule_revision),
            ))
            .load(&mut self.app.db.get().await?)
            .await
            .map_err(crate::Error::from)?;
        let mut found = HashMap::with_capacity(rows.len());
        for (id, rule, applied) in rows {
            if let Some(rule) = rule {
                let rule = serde_json::from_value(rule).map_err(crate::Error::fault)?;
                found.insert(RuleOf(id), (rule, applied));
            }
        }
        Ok(found)
    }
}

/// Where a collection is hidden, or seen from a time on; it is seen in all other channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CollectionPublicationsOf(pub CollectionId);

impl Loader<CollectionPublicationsOf> for BatchReader {
    type Value = Vec<Publication>;
    type Error = async_graphql::Error;

    async fn load(
        &self,
        keys: &[CollectionPublicationsOf],
    ) -> Result<HashMap<CollectionPublicationsOf, Vec<Publication>>, Self::Error> {
        let ids: Vec<CollectionId> = keys.iter().map(|key| key.0).collect();
        let rows: Vec<(CollectionId, ChannelId, Option<DateTime<Utc>>)> = collection_channels::table
            .filter(collection_channels::collection_id.eq_any(&ids))
            .order(collection_channels::channel_id)
            .select((
                collection_channels::collection_id,
                collection_channels::channel_id,
                collection_channels::published_at,
            ))
            .load(&mut self.app.db.get().await?)
            .await
            .map_err(crate::Error::from)?;
        let rows = rows
            .into_iter()
            .map(|(id, channel_id, published_at)| (id, Publication { channel_id, published_at }))
            .collect();
        let lists = by_parent(&ids, rows).into_iter();
        Ok(lists.map(|(id, rows)| (CollectionPublicationsOf(id), rows)).collect())
    }
}
