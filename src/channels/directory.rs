//! The channels and languages of the shop, kept in memory for a few seconds: every request needs them, and they hardly
//! change.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::Db;
use crate::error::{Code, Error, Result};
use crate::ids::ChannelId;
use crate::locale::{self, Locale};
use crate::schema::{channels, locales, shop_settings};

use super::model::{Channel, ChannelRow};

/// A new channel, or a changed one, is seen within this time.
const KEPT: Duration = Duration::from_secs(5);

/// Finds channels by slug, and languages.
#[derive(Default)]
pub struct Directory {
    known: RwLock<Option<(Instant, Arc<Known>)>>,
}

/// What is kept.
pub struct Known {
    /// Every channel, by slug.
    pub channels: Vec<Channel>,
    /// The languages that there are translations in.
    pub locales: Vec<String>,
    /// The language that texts are written in.
    pub default_locale: String,
}

impl Known {
    /// The channel with this id.
    pub fn channel(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }
}

impl Directory {
    /// The channel with this slug, or the default one. `BAD_USER_INPUT` when there is none.
    pub async fn get(&self, db: &Db, slug: Option<&str>) -> Result<Channel> {
        let known = self.known(db).await?;
        let found = known.channels.iter().find(|channel| match slug {
            Some(slug) => channel.slug == slug,
            None => channel.is_default,
        });
        found.cloned().ok_or_else(|| {
            Error::request(Code::BadUserInput, "The header Ironmonger-Channel names no channel of this shop.")
        })
    }

    /// Every channel.
    pub async fn all(&self, db: &Db) -> Result<Vec<Channel>> {
        Ok(self.known(db).await?.channels.clone())
    }

    /// The channel with this id. One that another process has just made is found, too.
    pub async fn by_id(&self, db: &Db, id: ChannelId) -> Result<Option<Channel>> {
        if let Some(channel) = self.known(db).await?.channel(id) {
            return Ok(Some(channel.clone()));
        }
        self.forget();
        Ok(self.known(db).await?.channel(id).cloned())
    }

    /// The language that fits what a request accepts best.
    pub async fn locale(&self, db: &Db, accept_language: Option<&str>) -> Result<Locale> {
        let Some(accept_language) = accept_language else { return Ok(Locale::ORIGINAL) };
        let known = self.known(db).await?;
        Ok(locale::negotiate(accept_language, &known.locales, &known.default_locale))
    }

    /// Everything.
    pub async fn known(&self, db: &Db) -> Result<Arc<Known>> {
        if let Some((read_at, known)) =
            self.known.read().expect("never poisoned: no code panics in it").as_ref()
            && read_at.elapsed() < KEPT
        {
            return Ok(known.clone());
        }
        let known = Arc::new(read(db).await?);
        *self.known.write().expect("never poisoned: no code panics in it") =
            Some((Instant::now(), known.clone()));
        Ok(known)
    }

    /// Reads anew the next time: this process has just changed something.
    pub fn forget(&self) {
        *self.known.write().expect("never poisoned: no code panics in it") = None;
    }
}

async fn read(db: &Db) -> Result<Known> {
    let mut conn = db.get().await?;
    let rows: Vec<ChannelRow> =
        channels::table.order(channels::slug).select(ChannelRow::as_select()).load(&mut conn).await?;
    let locales = locales::table.order(locales::tag).select(locales::tag).load(&mut conn).await?;
    let default_locale = shop_settings::table.select(shop_settings::default_locale).first(&mut conn).await?;
    let channels = rows.into_iter().map(Channel::try_from).collect::<Result<_>>()?;
    Ok(Known { channels, locales, default_locale })
}
