//! The channels and languages of the shop, kept in memory for a few seconds: every request needs them, and they hardly
//! change.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;

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
    kept: RwLock<Kept>,
    /// Somebody reads it anew; others go on with what is known.
    reading: AtomicBool,
}

/// Set while it lives.
struct Reading<'a>(&'a AtomicBool);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[derive(Clone, Default)]
struct Kept {
    known: Option<Arc<Known>>,
    /// None when it has to be read anew.
    read_at: Option<Instant>,
    /// How often it was forgotten: what was read before that is not kept after it.
    forgotten: u64,
}

const POISON: &str = "never poisoned: no code panics in it";

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

    /// Everything. While the database is away, as it was last known.
    pub async fn known(&self, db: &Db) -> Result<Arc<Known>> {
        let Kept { known: last, read_at, forgotten } = self.kept.read().expect(POISON).clone();
        if let (Some(known), Some(read_at)) = (&last, read_at)
            && (read_at.elapsed() < KEPT || self.reading.swap(true, Ordering::AcqRel))
        {
            return Ok(known.clone());
        }
        let _reading = Reading(&self.reading);
        let known = match (db.unless_away(read(db).boxed()).await, last) {
            (Ok(known), _) => Arc::new(known),
            (Err(_), Some(known)) => return Ok(known),
            (Err(error), None) => return Err(error),
        };
        let mut kept = self.kept.write().expect(POISON);
        if kept.forgotten == forgotten {
            *kept = Kept { known: Some(known.clone()), read_at: Some(Instant::now()), forgotten };
        }
        Ok(known)
    }

    /// Reads anew the next time: something has just changed.
    pub fn forget(&self) {
        let mut kept = self.kept.write().expect(POISON);
        kept.read_at = None;
        kept.forgotten += 1;
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
