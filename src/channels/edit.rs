//! `channelCreate` and `channelUpdate`.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::events::{self, NewEvent};
use crate::ids::ChannelId;
use crate::money::Currency;
use crate::schema::channels;

use super::model::{Channel, ChannelRow};

/// Both stand in headers and lists.
const MAX_SLUG_BYTES: usize = 63;
const MAX_NAME_CHARS: usize = 255;

/// A channel that somebody enters.
pub struct NewChannel {
    /// Lower-case letters, digits and hyphens.
    pub slug: String,
    /// For people.
    pub name: String,
    /// The currency of its prices, for good.
    pub currency: Currency,
}

/// What changes of a channel; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ChannelChange {
    /// Lower-case letters, digits and hyphens.
    pub slug: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// Requests that name no channel get this one from now on.
    pub make_default: bool,
}

/// Creates a channel, in which nothing is published and nothing has a price yet. Needs CHANNELS_WRITE. Rejects a
/// malformed slug or name, and a slug that is taken. Other processes see it within five seconds.
pub async fn create(app: &App, viewer: &Viewer, new: NewChannel) -> Result<Channel> {
    viewer.require(Permission::ChannelsWrite)?;
    check(Some(&new.slug), Some(&new.name))?;
    let (actor, now) = (viewer.actor(), app.clock.now());
    let mut conn = app.db.get().await?;
    let channel = conn
        .transaction(async |conn| {
            let row: ChannelRow = diesel::insert_into(channels::table)
                .values((
                    channels::id.eq(ChannelId::new()),
                    channels::slug.eq(&new.slug),
                    channels::name.eq(&new.name),
                    channels::currency_code.eq(new.currency.code()),
                    channels::created_at.eq(now),
                ))
                .returning(ChannelRow::as_returning())
                .get_result(conn)
                .await
                .map_err(slug_conflict)?;
            events::append(conn, event(row.id, "channel.created", &actor, now)).await?;
            Channel::try_from(row)
        })
        .await?;
    app.channels.forget();
    Ok(channel)
}

/// Edits a channel; needs CHANNELS_WRITE. Locks it, and the default one where that changes. Its currency stays, for its prices are in
/// it. Rejects an unknown id, an `expected_version` that is not the current one, malformed values and a slug that is taken.
pub async fn update(
    app: &App,
    viewer: &Viewer,
    id: ChannelId,
    expected_version: Option<i64>,
    change: ChannelChange,
) -> Result<Channel> {
    viewer.require(Permission::ChannelsWrite)?;
    check(change.slug.as_deref(), change.name.as_deref())?;
    let (actor, now) = (viewer.actor(), app.clock.now());
    let mut conn = app.db.get().await?;
    let channel = conn
        .transaction(async |conn| {
            let current = lock(conn, id, change.make_default).await?;
            if expected_version.is_some_and(|expected| expected != current.version) {
                return Err(Rejection::stale(current.version).into());
            }
            if change.make_default {
                diesel::update(channels::table.filter(channels::is_default.and(channels::id.ne(id))))
                    .set((channels::is_default.eq(false), channels::version.eq(channels::version + 1)))
                    .execute(conn)
                    .await?;
            }
            let row: ChannelRow = diesel::update(channels::table.find(id))
                .set((
                    channels::slug.eq(change.slug.as_ref().unwrap_or(&current.slug)),
                    channels::name.eq(change.name.as_ref().unwrap_or(&current.name)),
                    channels::is_default.eq(change.make_default || current.is_default),
                    channels::version.eq(channels::version + 1),
                ))
                .returning(ChannelRow::as_returning())
                .get_result(conn)
                .await
                .map_err(slug_conflict)?;
            events::append(conn, event(id, "channel.updated", &actor, now)).await?;
            Channel::try_from(row)
        })
        .await?;
    app.channels.forget();
    Ok(channel)
}

/// Locks the channel, after the default one if that is to change: two that become the default wait for each other.
async fn lock(conn: &mut Conn, id: ChannelId, with_default: bool) -> Result<ChannelRow> {
    if with_default {
        let _: Option<ChannelId> = channels::table
            .filter(channels::is_default)
            .select(channels::id)
            .for_update()
            .first(conn)
            .await
            .optional()?;
    }
    let row = channels::table.find(id).select(ChannelRow::as_select()).for_update().first(conn).await;
    row.optional()?.ok_or_else(|| {
        Rejection::new(Reason::NotFound, "There is no such channel.").at(["input", "id"]).into()
    })
}

fn event<'a>(
    id: ChannelId,
    type_: &'a str,
    actor: &'a str,
    at: chrono::DateTime<chrono::Utc>,
) -> NewEvent<'a> {
    NewEvent { aggregate: "channel", aggregate_id: id.0, type_, payload: serde_json::json!({}), actor, at }
}

fn check(slug: Option<&str>, name: Option<&str>) -> Result<()> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let mut rejections = Vec::new();
    if slug.is_some_and(|slug| slug.is_empty() || slug.len() > MAX_SLUG_BYTES || !slug.bytes().all(good)) {
        let message = "The slug has 1 to 63 lower-case letters, digits and hyphens.";
        rejections.push(Rejection::new(Reason::Invalid, message).at(["input", "slug"]));
    }
    if name.is_some_and(|name| {
        name.trim().is_empty() || name.chars().count() > MAX_NAME_CHARS || name.contains('\0')
    }) {
        let message = "The name has 1 to 255 characters.";
        rejections.push(Rejection::new(Reason::Invalid, message).at(["input", "name"]));
    }
    if rejections.is_empty() { Ok(()) } else { Err(Error::Rejected(rejections)) }
}

fn slug_conflict(error: diesel::result::Error) -> Error {
    match &error {
        diesel::result::Error::DatabaseError(_, info)
            if info.constraint_name() == Some("channels_slug_key") =>
        {
            Rejection::new(Reason::Taken, "Another channel has this slug.").at(["input", "slug"]).into()
        }
        _ => error.into(),
    }
}
