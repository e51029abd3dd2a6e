//! The channels of the shop, kept in memory for a few seconds: every request needs one, and they hardly change.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::Db;
use crate::error::{Code, Error, Result};
use crate::schema::channels;

use super::model::{Channel, ChannelRow};

/// A new channel, or a changed one, is seen within this time.
const KEPT: Duration = Duration::from_secs(5);

/// Finds channels by slug.
#[derive(Default)]
pub struct Directory {
    known: RwLock<Option<(Instant, Arc<[Channel]>)>>,
}

impl Directory {
    /// The channel with this slug, or the default one. `BAD_USER_INPUT` when there is none.
    pub async fn get(&self, db: &Db, slug: Option<&str>) -> Result<Channel> {
        let channels = self.all(db).await?;
        let found = channels.iter().find(|channel| match slug {
            Some(slug) => channel.slug == slug,
            None => channel.is_default,
        });
        found.cloned().ok_or_else(|| {
            Error::request(Code::BadUserInput, "The header Ironmonger-Channel names no channel of this shop.")
        })
    }

    /// Every channel.
    pub async fn all(&self, db: &Db) -> Result<Arc<[Channel]>> {
        if let Some((read_at, channels)) =
            self.known.read().expect("never poisoned: no code panics in it").as_ref()
            && read_at.elapsed() < KEPT
        {
            return Ok(channels.clone());
        }
        let rows: Vec<ChannelRow> = channels::table
            .order(channels::slug)
            .select(ChannelRow::as_select())
            .load(&mut db.get().await?)
            .await?;
        let channels: Arc<[Channel]> = rows.into_iter().map(into_channel).collect::<Result<_>>()?;
        *self.known.write().expect("never poisoned: no code panics in it") =
            Some((Instant::now(), channels.clone()));
        Ok(channels)
    }
}

fn into_channel(row: ChannelRow) -> Result<Channel> {
    let currency = row.currency_code.parse().map_err(Error::fault)?;
    Ok(Channel { id: row.id, slug: row.slug, name: row.name, currency, is_default: row.is_default })
}
