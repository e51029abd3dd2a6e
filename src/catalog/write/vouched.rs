//! Writing what belongs to new products without a look at every reference.
//!
//! A foreign key asks a question for each row, which was a third of what an import took. What belongs to a new product refers to
//! that product and its variants, which the same transaction has inserted and nobody else sees yet; to channels and locations,
//! which are locked here; and to collections and stored images, which the statements that write the rows lock. So all of it holds
//! until the transaction ends, and PostgreSQL need not ask: in the role `replica` a session fires only triggers that always
//! fire, as ours do and those of foreign keys do not. See docs/adr/0002-vouched-references.md.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::ids::{ChannelId, LocationId};
use crate::sql::Sql;

use super::Target;

/// Locks the channels and locations that new products refer to until the caller's transaction ends. Whether all of them exist,
/// and the session may choose its role: superusers may, and who has been granted `SET ON PARAMETER session_replication_role`.
pub(super) async fn can_vouch(conn: &mut Conn, new: &[&Target<'_>]) -> QueryResult<bool> {
    let (mut channels, mut locations): (Vec<ChannelId>, Vec<LocationId>) = (Vec::new(), Vec::new());
    for record in new.iter().map(|target| target.record) {
        channels.extend(record.channels.iter().map(|publication| publication.channel_id));
        for variant in &record.variants {
            channels.extend(variant.prices.iter().map(|price| price.channel_id));
            locations.extend(variant.stock.iter().map(|level| level.location_id));
        }
    }
    channels.sort_unstable();
    channels.dedup();
    locations.sort_unstable();
    locations.dedup();
    let (channel_count, location_count) = (channels.len() as i64, locations.len() as i64);
    Sql::<Bool>::new(
        "SELECT has_parameter_privilege('session_replication_role', 'SET') \
         AND (SELECT count(*) FROM (SELECT FROM channels WHERE id = ANY(?) FOR KEY SHARE) AS locked) = ? \
         AND (SELECT count(*) FROM (SELECT FROM locations WHERE id = ANY(?) FOR KEY SHARE) AS locked) = ?",
    )
    .bind::<Array<Uuid>, _>(channels)
    .bind::<BigInt, _>(channel_count)
    .bind::<Array<Uuid>, _>(locations)
    .bind::<BigInt, _>(location_count)
    .get_result(conn)
    .await
}

/// From here to [`ask_again`], at most until the caller's transaction ends, foreign keys are not asked.
pub(super) async fn stop_asking(conn: &mut Conn) -> QueryResult<()> {
    set_role(conn, "replica").await
}

/// Foreign keys are asked again.
pub(super) async fn ask_again(conn: &mut Conn) -> QueryResult<()> {
    set_role(conn, "origin").await
}

async fn set_role(conn: &mut Conn, role: &str) -> QueryResult<()> {
    Sql::<Text>::new("SELECT set_config('session_replication_role', ?, true)")
        .bind::<Text, _>(role)
        .execute(conn)
        .await?;
    Ok(())
}
