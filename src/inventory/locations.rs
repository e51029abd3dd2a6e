//! `locationCreate` and `locationUpdate`.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::events::{self, NewEvent};
use crate::ids::LocationId;
use crate::schema::locations;

use super::model::Location;

const MAX_NAME_CHARS: usize = 255;

/// Every location, in the order in which orders draw from them. Needs INVENTORY_READ. One statement.
pub async fn list(app: &App, viewer: &Viewer) -> Result<Vec<Location>> {
    viewer.require(Permission::InventoryRead)?;
    let mut conn = app.db.get().await?;
    let rows = locations::table
        .order((locations::priority, locations::id))
        .select(Location::as_select())
        .load(&mut conn)
        .await?;
    Ok(rows)
}

/// Creates a location without stock; needs INVENTORY_WRITE. Orders draw from the location of the lowest priority first; it is also the
/// default one. Rejects a malformed name and one that is taken.
pub async fn create(app: &App, viewer: &Viewer, name: &str, priority: i32) -> Result<Location> {
    viewer.require(Permission::InventoryWrite)?;
    check_name(name)?;
    let (actor, now) = (viewer.actor(), app.clock.now());
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let location: Location = diesel::insert_into(locations::table)
            .values((
                locations::id.eq(LocationId::new()),
                locations::name.eq(name),
                locations::priority.eq(priority),
                locations::created_at.eq(now),
            ))
            .returning(Location::as_returning())
            .get_result(conn)
            .await
            .map_err(name_conflict)?;
        record(conn, location.id, "location.created", &actor, now).await?;
        Ok::<_, Error>(location)
    })
    .await
}

/// Edits a location; needs INVENTORY_WRITE. Locks it. What is `None` stays. Rejects an unknown location, a stale version, a malformed name
/// and one that is taken.
pub async fn update(
    app: &App,
    viewer: &Viewer,
    id: LocationId,
    expected_version: Option<i64>,
    name: Option<&str>,
    priority: Option<i32>,
) -> Result<Location> {
    viewer.require(Permission::InventoryWrite)?;
    if let Some(name) = name {
        check_name(name)?;
    }
    let (actor, now) = (viewer.actor(), app.clock.now());
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let current: Option<Location> = locations::table
            .find(id)
            .select(Location::as_select())
            .for_no_key_update()
            .first(conn)
            .await
            .optional()?;
        let current = current.ok_or_else(|| {
            Rejection::new(Reason::NotFound, "There is no such location.").at(["input", "id"])
        })?;
        if expected_version.is_some_and(|expected| expected != current.version) {
            return Err(Rejection::stale(current.version).into());
        }
        let location: Location = diesel::update(locations::table.find(id))
            .set((
                locations::name.eq(name.unwrap_or(&current.name)),
                locations::priority.eq(priority.unwrap_or(current.priority)),
                locations::version.eq(locations::version + 1),
            ))
            .returning(Location::as_returning())
            .get_result(conn)
            .await
            .map_err(name_conflict)?;
        record(conn, id, "location.updated", &actor, now).await?;
        Ok::<_, Error>(location)
    })
    .await
}

async fn record(
    conn: &mut Conn,
    id: LocationId,
    type_: &str,
    actor: &str,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<()> {
    let payload = serde_json::json!({});
    let event = NewEvent { aggregate: "location", aggregate_id: id.0, type_, payload, actor, at };
    Ok(events::append(conn, event).await?)
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > MAX_NAME_CHARS || name.contains('\0') {
        let message = "The name has 1 to 255 characters.";
        return Err(Rejection::new(Reason::Invalid, message).at(["input", "name"]).into());
    }
    Ok(())
}

fn name_conflict(error: diesel::result::Error) -> Error {
    match &error {
        diesel::result::Error::DatabaseError(_, info)
            if info.constraint_name() == Some("locations_name_key") =>
        {
            Rejection::new(Reason::Taken, "Another location has this name.").at(["input", "name"]).into()
        }
        _ => error.into(),
    }
}
